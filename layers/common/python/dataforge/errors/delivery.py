"""Refused deliveries and exports."""

from __future__ import annotations

from decimal import Decimal

from dataforge.errors.base import Refused, Temporary


class BelowQuality(Refused):
    """The quality of the table is below `min_quality`."""

    code = "BelowQuality"
    hint = "Lower min_quality, or correct the rejected records and migrate again."

    def __init__(self, table: str, score: Decimal | None, wanted: Decimal) -> None:
        found = "No migration has recorded its quality." if score is None else f"Its score is {score:f}."
        super().__init__(f"{table} is below the requested quality {wanted:f}.", found)


class TooSlow(Temporary):
    """The query exceeds the time limit of a request."""

    code = "TooSlow"
    retried = False
    hint = (
        "Filter by the key or by a column with an index (the header X-Filter-Unindexed names the others), request a smaller"
        " page, or export the table."
    )

    def __init__(self) -> None:
        super().__init__("The query exceeded the time limit of a request.")


class ExportRunning(Refused):
    """An export of this table in another format is running for the same API key."""

    code = "ExportRunning"
    hint = "Start this export when it has ended."

    def __init__(self, run: str, form: str) -> None:
        super().__init__(f"The export {run} of this table, as {form}, is still running.")


class TooManyExports(Temporary):
    """The number of running exports has reached the limit of the deployment."""

    code = "TooManyExports"
    retried = False
    hint = "Send the request again later."

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} exports are running, which is the limit.")
