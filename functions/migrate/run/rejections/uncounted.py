"""Rejections whose reasons the rows of the ledger do not have, with their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, Field

from dataforge.postgres.sql import Sql
from dataforge.records.violation import Violation, shortened
from dataforge.tables.catalogue import Table

Reason = tuple[str, str | None]
"""The code and the column of a violation."""

MOST_REASONS = 1_000
"""Different reasons that one work item counts with their columns. Of others, such as unknown keys, only the code counts."""

COUNTED_BY_ROWS = Sql("(raw_at IS NULL OR raw_at ? 'bucket')")
"""The SQL condition that a rejection's row has all its reasons. The others are counted by ``Uncounted``."""


class Uncounted(BaseModel):
    """Rejections of one table whose reasons the rows of the ledger do not have.

    ``rows``: those without a row in the ledger. ``files``: the objects of the report bucket that have these, with the
    number of their lines. ``reasons``: the records by code and column, also of those with a row.
    """

    rows: int = 0
    files: dict[str, int] = Field(default_factory=dict)
    reasons: list[tuple[str, str | None, int]] = Field(default_factory=list)

    def __add__(self, other: Uncounted) -> Uncounted:
        reasons = self.by_reason + other.by_reason
        return Uncounted(
            rows=self.rows + other.rows,
            files=self.files | other.files,
            reasons=[(*reason, count) for reason, count in reasons.items()],
        )

    @property
    def by_reason(self) -> Counter[Reason]:
        """The records by code and column."""
        return Counter({(code, column): count for code, column, count in self.reasons})


class ReasonCounter:
    """Counts records by code and column; each once for a reason, as a count of their rows would."""

    def __init__(self, table: Table) -> None:
        self._columns = table.by_name
        self.counts: Counter[Reason] = Counter()

    def add(self, violations: Iterable[Violation]) -> None:
        """Count a record."""
        self.counts.update({self._reason(violation) for violation in violations})

    def _reason(self, violation: Violation) -> Reason:
        column = violation.column and shortened(violation.column)
        reason = (violation.code, column)
        known = column is None or column in self._columns or reason in self.counts
        return reason if known or len(self.counts) < MOST_REASONS else (violation.code, None)
