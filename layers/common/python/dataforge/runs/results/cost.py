"""The cost of a migration in its report."""

from __future__ import annotations

from dataforge.runs.results.base import Result


class Usage(Result):
    """The resources that a run used, from the ledger."""

    function_seconds: float
    function_megabytes: int
    invocations: int
    state_transitions: int
    s3_writes: int
    s3_reads: int


class BilledUsage(Usage):
    """The usage, and ``gb_seconds``: memory times duration, the unit of Lambda's price."""

    gb_seconds: float


class Dollars(Result):
    """The cost by kind; ``total`` is the sum of the others."""

    lambda_seconds: float
    lambda_requests: float
    state_transitions: float
    s3_requests: float
    total: float


class Prices(Result):
    """US dollars without tax, as listed in the month ``noted``; free tiers are not counted."""

    noted: str
    region: str
    lambda_gb_second: float
    lambda_request: float
    state_transition: float
    s3_write: float
    s3_read: float


class Cost(Result):
    """The cost of a run by list prices."""

    usage: BilledUsage
    dollars: Dollars
    prices: Prices
