"""State of one table while it is changed: actual and declared shape, changes and refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql, ident
from functions.schema.apply.statements import execute
from functions.schema.apply.widening import is_collation
from functions.schema.difference import Shape
from functions.schema.names import Convention
from functions.schema.queued import Kind, QueuedChange
from functions.schema.size import LARGE_ROWS, Size

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


@dataclass
class Outcome:
    """Refusals of an apply, and the changes that it queues for the upkeep."""

    large_rows: int = LARGE_ROWS
    refusals: list[str] = field(default_factory=list)
    later: list[QueuedChange] = field(default_factory=list)

    def done(self, cursor: Cursor, what: str, statement: str) -> bool:
        """Execute a statement, record PostgreSQL's refusal, and return whether it succeeded. ``what`` begins the refusal."""
        refusal = execute(cursor, what, statement)
        if refusal:
            self.refusals.append(refusal)
        return not refusal


class Subject:
    """One table that is changed from its actual to its declared shape.

    ``closed``: whether columns that are not declared are refused, as for a dataset's tables.
    """

    def __init__(
        self,
        cursor: Cursor,
        name: tuple[str, str],
        have: Shape,
        want: Shape,
        outcome: Outcome,
        *,
        closed: bool,
    ) -> None:
        self.cursor, self.have, self.want, self.closed = cursor, have, want, closed
        self.schema, self.table, self.name = *name, ".".join(name)
        self.relation = Sql(".").join(map(ident, name))
        self.outcome, self.refusals, self.later = outcome, outcome.refusals, outcome.later
        self.size = Size.of(cursor, self.relation, outcome.large_rows)
        self.convention = Convention(self.table, [*have.columns, *want.columns])
        self.moved = self._moved()
        self.remade = self.moved | self._retyped()
        self.dropped: set[str] = set()

    def _moved(self) -> set[str]:
        """The columns of an empty table that are dropped and added again because their position changes."""
        here = [c for c in self.have.columns if c in self.want.columns]
        same = sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(here, self.want.columns, strict=False))
        )
        return set(here[same:]) if self.closed and self.size.empty else set()

    def _retyped(self) -> set[str]:
        """The columns of an empty table whose type changes."""
        have, want = self.have.columns, self.want.columns
        changed = {c for c in have if c in want and have[c].type != want[c].type}
        return changed if self.closed and self.size.empty else set()

    @property
    def rechecked(self) -> set[str]:
        """Checks on columns of a large table whose type changes: PostgreSQL would check all rows immediately."""
        have, want = self.have.columns, self.want.columns
        changed = (c for c in have if c in want and not is_collation(have[c].type, want[c].type))
        return {f"{self.table}_{column}_check" for column in changed} if self.size.large else set()

    @property
    def key_changes(self) -> bool:
        """Whether the foreign keys that refer to the table must be recreated."""
        name = f"{self.table}_pkey"
        return bool(self.remade) or self.have.constraints.get(name) != self.want.constraints.get(name)

    def done(self, what: str, statement: str) -> bool:
        """Execute a statement; PostgreSQL's refusal is recorded with the table's name."""
        return self.outcome.done(self.cursor, f"{self.name}: {what}", statement)

    def queue(self, kind: Kind, name: str) -> None:
        """Queue a constraint or index for the upkeep."""
        self.later.append(QueuedChange(self.schema, self.table, kind, name))
