"""The cost of a run on AWS, by list prices of a stated date and region."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Any

from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES


@dataclass(frozen=True)
class Prices:
    """US dollars without tax; free tiers are not counted."""

    noted: str = "2026-11"
    region: str = "us-east-1"
    lambda_gb_second: float = 0.0000133334
    """arm64, first tier."""
    lambda_request: float = 0.20 / 1e6
    state_transition: float = 0.025 / 1e3
    """Step Functions, standard workflows."""
    s3_write: float = 0.005 / 1e3
    """PUT and LIST."""
    s3_read: float = 0.0004 / 1e3
    """GET."""


PRICES = Prices()


@dataclass(frozen=True)
class Usage:
    """The resources that a run used, from the ledger."""

    function_seconds: float
    function_megabytes: int
    invocations: int
    state_transitions: int
    s3_writes: int
    s3_reads: int

    @property
    def gb_seconds(self) -> float:
        """Memory times duration, the unit of Lambda's price."""
        return self.function_seconds * self.function_megabytes / 1024


def function_megabytes() -> int:
    """The memory of this function in MB. The workers have the same."""
    return int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", WHOLE_PROCESSOR_MEGABYTES))


def dollars(usage: Usage, prices: Prices = PRICES) -> dict[str, float]:
    """The unrounded cost by kind, and in ``total``."""
    parts = {
        "lambda_seconds": usage.gb_seconds * prices.lambda_gb_second,
        "lambda_requests": usage.invocations * prices.lambda_request,
        "state_transitions": usage.state_transitions * prices.state_transition,
        "s3_requests": usage.s3_writes * prices.s3_write + usage.s3_reads * prices.s3_read,
    }
    return parts | {"total": sum(parts.values())}


def cost(usage: Usage, prices: Prices = PRICES) -> dict[str, Any]:
    """The report's key ``cost``."""
    return {
        "usage": asdict(usage) | {"gb_seconds": round(usage.gb_seconds, 3)},
        "dollars": {name: round(value, 8) for name, value in dollars(usage, prices).items()},
        "prices": asdict(prices),
    }


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
    has about a dozen others. Each scan and each chunk reads its range once, and each file's header is read once. The
    work lists, the plan and the reports are six objects, and a listing returns 1,000 files per page.
    """
    return Usage(
        function_seconds=round(seconds, 3),
        function_megabytes=megabytes,
        invocations=scans + chunks + steps,
        state_transitions=2 * (scans + chunks) + 3 * tables + 12,
        s3_writes=marks + 6 + -(-files // 1000),
        s3_reads=scans + chunks + files,
    )
