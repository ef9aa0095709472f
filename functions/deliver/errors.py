"""What can be wrong with a delivery."""

from __future__ import annotations

from decimal import Decimal
from http import HTTPStatus

from dataforge.errors import InvalidInput, Refused, Temporary


class RowTooLarge(InvalidInput):
    """One row alone is more than an answer can hold."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self) -> None:
        super().__init__(
            "The next row alone is larger than an answer can be (6 MB after escaping). Leave its large columns out with "
            "select=, or export the table."
        )


class BelowQuality(Refused):
    """The data is not as good as the caller wants it at least."""

    def __init__(self, table: str, score: Decimal | None, wanted: Decimal) -> None:
        found = "no migration has told its quality yet" if score is None else f"its score is {score:f}"
        super().__init__(f"{table} is below the quality that was asked for, {wanted:f}: {found}.")


class TooSlow(Temporary):
    """What was asked for takes longer than its caller can wait."""

    def __init__(self) -> None:
        super().__init__(
            "The answer took longer than a caller can wait. Filter by the key or by a column with an index (the header "
            "X-Filter-Unindexed names the others), ask for a smaller page, or export the table."
        )
