"""State of one table while its change is computed: actual and declared shape, statements and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from dataforge.postgres.conversions import is_collation
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.constraint_names import constraint_name
from dataforge.tables.row import Evolution
from functions.schema.apply.statement import Lock, Statement, Step, Work
from functions.schema.difference import Shape, concurrently
from functions.schema.names import Convention
from functions.schema.queued import Kind, QueuedChange
from functions.schema.size import LARGE_ROWS, Size

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


@dataclass
class Outcome:
    """The statements of an apply, its refusals, and the changes that it queues for the upkeep."""

    large_rows: int = LARGE_ROWS
    statements: list[Statement] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    later: list[QueuedChange] = field(default_factory=list)
    pending: list[Statement] = field(default_factory=list)
    """The statements with which the upkeep makes the changes in ``later``."""
    dropped: set[str] = field(default_factory=set)
    """Names of the constraints and indexes that the statements drop."""
    former: dict[tuple[str, str], Sql] = field(default_factory=dict)
    """Definitions of declared constraints in the present names of tables and columns that are renamed, by table and name."""


@dataclass(frozen=True)
class Former:
    """The names that a table and its columns have in the database, where a declared name replaces them."""

    table: str
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Declared:
    """The catalogue's information about a table beside its shape. ``defaults``: for new columns that are NOT NULL.

    ``closed``: whether columns that are not declared are refused, as for a dataset's tables.
    """

    closed: bool
    evolution: Evolution = field(default_factory=Evolution)
    defaults: Mapping[str, Sql] = field(default_factory=dict)
    created: frozenset[str] = frozenset()


class Subject:
    """One table that is changed from its actual to its declared shape. ``have`` is in declared names; see ``former``."""

    def __init__(
        self,
        cursor: Cursor,
        name: tuple[str, str],
        have: Shape,
        want: Shape,
        outcome: Outcome,
        declared: Declared,
        former: Former | None = None,
        *,
        exists: bool = True,
    ) -> None:
        self.cursor, self.have, self.want = cursor, have, want
        self.closed, self.evolution, self.defaults = declared.closed, declared.evolution, declared.defaults
        self.schema, self.table, self.name = *name, ".".join(name)
        self.relation = Sql(".").join(map(ident, name))
        self.former = former or Former(self.table)
        self.actual = Sql(".").join(map(ident, (self.schema, self.former.table)))
        self.outcome, self.refusals, self.later = outcome, outcome.refusals, outcome.later
        self.size = Size.of(cursor, self.actual, outcome.large_rows) if exists else Size.none()
        self.convention = Convention(self.table, [*have.columns, *want.columns], declared.created)
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
        return (
            {constraint_name(self.table, (column,), "check") for column in changed}
            if self.size.large
            else set()
        )

    @property
    def key_changes(self) -> bool:
        """Whether the foreign keys that refer to the table must be recreated."""
        have, want = _keys(self.have), _keys(self.want)
        ours = (name for name in have if name in want or self.convention.is_constraint(name))
        return bool(self.remade) or any(have[name] != want.get(name) for name in ours)

    def column(self, name: str) -> Sql:
        """The column's present name, quoted, for queries before the change."""
        return ident(self.former.columns.get(name, name))

    def add(
        self,
        step: Step,
        what: str,
        sql: Sql,
        *,
        change: str = "",
        subject: str = "",
        lock: Lock = Lock.ALL,
        work: Work = Work.NONE,
        parents: tuple[str, ...] = (),
    ) -> None:
        """Add a statement; PostgreSQL's refusal begins with the table's name and ``what``."""
        size = self.size
        self.outcome.statements.append(
            Statement(
                step,
                self.name,
                sql,
                f"{self.name}: {what}",
                change,
                subject,
                lock,
                work,
                parents,
                size.rows,
                size.bytes,
            )
        )

    def queue(self, kind: Kind, name: str) -> None:
        """Queue a constraint or index for the upkeep."""
        self.later.append(QueuedChange(self.schema, self.table, kind, name))
        if kind == "index":
            sql = concurrently(self.want.indexes[name])
        else:
            sql = Sql("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(self.relation, ident(name))
        work = Work.INDEX if kind == "index" else Work.SCAN
        rows, size = self.size.rows, self.size.bytes
        self.outcome.pending.append(
            Statement(Step.INDEXES, self.name, sql, "", lock=Lock.NOTHING, work=work, rows=rows, size=size)
        )


def _keys(shape: Shape) -> dict[str, Sql]:
    """The primary key and the unique constraints."""
    kinds = ("PRIMARY KEY", "UNIQUE")
    return {name: text for name, text in shape.constraints.items() if text.startswith(kinds)}
