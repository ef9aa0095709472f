"""Findings about the changes that a deployment queued for the upkeep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg2.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable

from dataforge.postgres.shadow import attempt
from functions.schema.doctor.finding import REPAIR, Finding

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_WHAT = {"validate": "The constraint {} is enforced for new rows", "index": "The index {} is not built"}


@dataclass(frozen=True)
class Waiting:
    """An unfinished change: when it was queued, whether it was started, and why it failed."""

    dataset: str
    table: str
    kind: str
    name: str
    queued_at: datetime
    started: bool
    error: str | None

    def finding(self) -> Finding:
        """The change as a finding."""
        name = f"{self.dataset}.{self.table}"
        what = _WHAT.get(self.kind, "{} is not finished").format(self.name)
        if self.error:
            detail = f"{what}, and cannot be completed: {self.error}."
            return Finding(
                "failed_change", name, detail, hint=f"Correct the rows or the declaration, then {REPAIR}"
            )
        state = "started" if self.started else "not started"
        detail = f"{what}; the upkeep completes it (queued {self.queued_at:%Y-%m-%d %H:%M} UTC, {state})."
        return Finding("pending_change", name, detail, hint=f"Wait; {REPAIR} starts the upkeep again")


@dataclass(frozen=True)
class Later:
    """All unfinished changes."""

    changes: tuple[Waiting, ...] = ()

    @classmethod
    def read(cls, cursor: Cursor) -> Later:
        """Read from the ledger. Empty if its table is missing or damaged, which another finding reports."""
        with attempt(cursor, UndefinedTable, UndefinedColumn, InsufficientPrivilege) as failed:
            cursor.execute(
                "SELECT dataset, \"table\", kind, name, queued_at AT TIME ZONE 'UTC', started_at IS NOT NULL, error"
                " FROM dataforge.schema_changes WHERE finished_at IS NULL ORDER BY 1, 2, 3, 4"
            )
            found = cursor.fetchall()
        return cls() if failed else cls(tuple(Waiting(*row) for row in found))

    def names(self, dataset: str, table: str) -> set[str]:
        """The queued constraints and indexes of a table."""
        return {c.name for c in self.changes if (c.dataset, c.table) == (dataset, table)}

    def findings(self) -> Iterator[Finding]:
        """Each change as a finding."""
        yield from (change.finding() for change in self.changes)


NOTHING = Later()
