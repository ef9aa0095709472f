"""The cost of a run on AWS, by list prices of a stated date and region."""

from __future__ import annotations

import os

from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.runs.results.cost import BilledUsage, Cost, Dollars, Prices, Usage

PRICES = Prices(
    noted="2026-11",
    region="us-east-1",
    lambda_gb_second=0.0000133334,  # arm64, first tier
    lambda_request=0.20 / 1e6,
    state_transition=0.025 / 1e3,  # standard workflows
    s3_write=0.005 / 1e3,  # PUT and LIST
    s3_read=0.0004 / 1e3,  # GET
)


def gb_seconds(usage: Usage) -> float:
    """Memory times duration, the unit of Lambda's price."""
    return usage.function_seconds * usage.function_megabytes / 1024


def function_megabytes() -> int:
    """The memory of this function in MB. The workers have the same."""
    return int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", WHOLE_PROCESSOR_MEGABYTES))


def dollars(usage: Usage, prices: Prices = PRICES) -> dict[str, float]:
    """The unrounded cost by kind, and in ``total``."""
    parts = {
        "lambda_seconds": gb_seconds(usage) * prices.lambda_gb_second,
        "lambda_requests": usage.invocations * prices.lambda_request,
        "state_transitions": usage.state_transitions * prices.state_transition,
        "s3_requests": usage.s3_writes * prices.s3_write + usage.s3_reads * prices.s3_read,
    }
    return parts | {"total": sum(parts.values())}


def cost(usage: Usage, prices: Prices = PRICES) -> Cost:
    """The report's key ``cost``."""
    return Cost(
        usage=BilledUsage(**usage.model_dump(), gb_seconds=round(gb_seconds(usage), 3)),
        dollars=Dollars(**{name: round(value, 8) for name, value in dollars(usage, prices).items()}),
        prices=prices,
    )


def estimate(
    *,
    scans: int,
    chunks: int,
    files: int,
    tables: int,
    marks: int,
    steps: int,
    seconds: float,
    megabytes: int,
) -> Usage:
    """Estimate the usage of a run. ``marks`` are progress objects; ``seconds`` is the total duration of all functions.

    A child of a Distributed Map has two transitions (start and task), resolving a table has three, and the state machine
    has about 15 others. Each scan and each chunk reads its range once, and each file's header is read once. The
    work lists, the plan and the reports are six objects, and a listing returns 1,000 files per page.
    """
    return Usage(
        function_seconds=round(seconds, 3),
        function_megabytes=megabytes,
        invocations=scans + chunks + steps,
        state_transitions=2 * (scans + chunks) + 3 * tables + 15,
        s3_writes=marks + 6 + -(-files // 1000),
        s3_reads=scans + chunks + files,
    )
