"""What a deployment left for the upkeep, as the doctor shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg2.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable

from dataforge.postgres.shadow import attempt
from functions.schema.doctor.fault import REPAIR, Fault

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_WHAT = {"validate": "The constraint {} is enforced for new rows", "index": "The index {} is not built"}


@dataclass(frozen=True)
class Waiting:
    """A change that is not done: when it was queued, whether it was begun, and why it failed."""

    dataset: str
    table: str
    kind: str
    name: str
    queued_at: datetime
    started: bool
    error: str | None

    def fault(self) -> Fault:
        """As a finding."""
        name = f"{self.dataset}.{self.table}"
        what = _WHAT.get(self.kind, "{} is not done").format(self.name)
        if self.error:
            detail = f"{what}, and cannot be completed: {self.error}."
            return Fault(
                "failed_change", name, detail, by_hand=f"Correct the rows or the declaration, then {REPAIR}"
            )
        state = "begun" if self.started else "not begun"
        detail = f"{what}; the upkeep completes it (queued {self.queued_at:%Y-%m-%d %H:%M} UTC, {state})."
        return Fault("pending_change", name, detail, by_hand=f"Wait; {REPAIR} starts the upkeep again")


@dataclass(frozen=True)
class Later:
    """All changes that are not done."""

    changes: tuple[Waiting, ...] = ()

    @classmethod
    def read(cls, cursor: Cursor) -> Later:
        """From the ledger; none if it has no such table yet, or is broken, which another finding reports."""
        with attempt(cursor, UndefinedTable, UndefinedColumn, InsufficientPrivilege) as failed:
            cursor.execute(
                "SELECT dataset, \"table\", kind, name, queued_at AT TIME ZONE 'UTC', started_at IS NOT NULL, error"
                " FROM dataforge.schema_changes WHERE finished_at IS NULL ORDER BY 1, 2, 3, 4"
            )
            found = cursor.fetchall()
        return cls() if failed else cls(tuple(Waiting(*row) for row in found))

    def names(self, dataset: str, table: str) -> set[str]:
        """The constraints and indexes of a table that are waited for."""
        return {c.name for c in self.changes if (c.dataset, c.table) == (dataset, table)}

    def faults(self) -> Iterator[Fault]:
        """Each as a finding."""
        yield from (change.fault() for change in self.changes)


NOTHING = Later()
