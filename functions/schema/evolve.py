"""Bring one table to its wanted shape.

What would lose data, what rows contradict, or what an owner's object stands against, is refused by name.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import psycopg2

from dataforge.database import is_translated
from dataforge.ddl import ident
from dataforge.errors import Busy
from dataforge.shadow import attempt
from functions.schema.difference import NOT_VALID, ColumnState, Shape
from functions.schema.names import Convention
from functions.schema.size import LARGE_ROWS, Size
from functions.schema.widening import COLLATION, is_collation, is_lossless, is_rewritten

_DEPENDENT = ("0A000", "2BP01")
"""SQLSTATEs whose detail names the objects that stand in the way, and never a value."""
_LOCKS = ("55P03", "40P01")
"""SQLSTATEs of a lock that was not to be had."""
_QUOTES_VALUES = "22"
"""The class of SQLSTATEs whose message may quote a value."""

_OWN_OBJECTS = """
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %(relation)s::regclass AND a.attname = %(column)s
      AND d.deptype IN ('n', 'a')
      AND NOT (d.classid = 'pg_constraint'::regclass AND (SELECT contype = 'n' FROM pg_constraint WHERE oid = d.objid))
    UNION SELECT 'a right on the column' FROM pg_attribute
    WHERE attrelid = %(relation)s::regclass AND attname = %(column)s AND attacl IS NOT NULL
    ORDER BY 1
"""


@dataclass(frozen=True)
class Change:
    """What is done later, outside the deployment: ``kind`` is ``validate`` (a constraint) or ``index``."""

    schema: str
    table: str
    kind: str
    name: str


@dataclass
class Outcome:
    """What an apply could not do, and what it leaves for later."""

    large_rows: int = LARGE_ROWS
    refusals: list[str] = field(default_factory=list)
    later: list[Change] = field(default_factory=list)


class Evolution:
    """One table on its way from what it is to what it is to be.

    ``closed``: a dataset's table, whose columns are exactly the catalogue's. The steps are taken in the order of the
    methods, each for all tables of a dataset before the next one.
    """

    def __init__(
        self, cursor: Any, name: tuple[str, str], have: Shape, want: Shape, outcome: Outcome, *, closed: bool
    ) -> None:
        self.cursor, self.have, self.want, self.closed = cursor, have, want, closed
        self.schema, self.table, self.name = *name, ".".join(name)
        self.relation = ".".join(map(ident, name))
        self.refusals, self.later = outcome.refusals, outcome.later
        self.size = Size.of(cursor, self.relation, outcome.large_rows)
        self.convention = Convention(self.table, [*have.columns, *want.columns])
        self.moved = self._moved()
        self.remade = self.moved | self._retyped()
        self.dropped: set[str] = set()

    def _moved(self) -> set[str]:
        """The columns of an empty table that are dropped and added again, for they stand in another place."""
        here = [c for c in self.have.columns if c in self.want.columns]
        same = sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(here, self.want.columns, strict=False))
        )
        return set(here[same:]) if self.closed and self.size.empty else set()

    def _retyped(self) -> set[str]:
        """The columns of an empty table that get another type."""
        have, want = self.have.columns, self.want.columns
        changed = {c for c in have if c in want and have[c].type != want[c].type}
        return changed if self.closed and self.size.empty else set()

    @property
    def key_changes(self) -> bool:
        """Whether the foreign keys that lead here must be made anew."""
        name = f"{self.table}_pkey"
        return bool(self.remade) or self.have.constraints.get(name) != self.want.constraints.get(name)

    def drop_foreign_keys(self, changed: set[str]) -> Iterator[str]:
        """Drop foreign keys of ours that are not wanted so, or lead to a table of ``changed``."""
        for name, definition in self.have.constraints.items():
            if not definition.startswith("FOREIGN KEY"):
                continue
            leads_there = any(f" REFERENCES {parent}(" in definition for parent in changed)
            if self._is_outdated(name, definition) or (
                name in self.want.constraints and (leads_there or self.remade)
            ):
                yield from self._drop_constraint(name)

    def drop_others(self) -> Iterator[str]:
        """Drop keys, checks and indexes of ours that are not wanted so."""
        for name, definition in self.have.constraints.items():
            if definition.startswith("FOREIGN KEY"):
                continue
            ours = self.convention.is_constraint(name)
            if self._is_outdated(name, definition) or (self.remade and ours):
                if definition.startswith("PRIMARY KEY") and self.size.large:
                    self.refusals.append(
                        f"{self.name}: its key changes, and its {self.size.rows} rows would be indexed while everybody "
                        "waits. Declare the old key again, and move the rows to a table of another name."
                    )
                    continue
                yield from self._drop_constraint(name)
        for name, definition in self.have.indexes.items():
            wanted = self.want.indexes.get(name)
            outdated = wanted is not None and definition != wanted and not self._is_for_later(name)
            if (
                outdated
                or (self.remade and wanted is not None)
                or (wanted is None and self.convention.is_index(name, self.have.constraints))
            ):
                statement = f"DROP INDEX {ident(self.schema)}.{ident(name)}"
                if self._done(f"index {name} cannot be dropped", statement):
                    self.dropped.add(name)
                    if wanted is None:
                        yield f"dropped index {self.schema}.{name}"

    def _is_outdated(self, name: str, definition: str) -> bool:
        wanted = self.want.constraints.get(name)
        if wanted is None:
            return self.closed and self.convention.is_constraint(name)
        return definition not in (wanted, wanted + NOT_VALID)

    def _is_for_later(self, index: str) -> bool:
        """An index that is being built by others has no valid form yet."""
        return (
            self.size.large and self.have.indexes[index].removesuffix(" INVALID") == self.want.indexes[index]
        )

    def _drop_constraint(self, name: str) -> Iterator[str]:
        statement = f"ALTER TABLE {self.relation} DROP CONSTRAINT {ident(name)}"
        if self._done(f"constraint {name} cannot be changed", statement):
            self.dropped.add(name)
            if name not in self.want.constraints:
                yield f"dropped constraint {self.schema}.{name}"

    def columns(self) -> Iterator[str]:
        """Add, widen and, where there are no rows, remake or drop columns; mend NOT NULL and defaults."""
        have, want = self.have.columns, self.want.columns
        if self.closed:
            yield from self._strangers()
        for column, wanted in want.items():
            found, name = have.get(column), f"{self.name}.{column}"
            if found is None and not self.size.empty and wanted.not_null and not wanted.default:
                self.refusals.append(f"{name} is new and NOT NULL, but the table has rows; make it nullable.")
            elif found is None:
                yield from self._add_column(column, wanted)
            else:
                yield from self._change(column, found, wanted)

    def _strangers(self) -> Iterator[str]:
        have, want = self.have.columns, self.want.columns
        for unknown in (c for c in have if c not in want):
            if self.size.empty:
                yield from self._drop_column(unknown)
            else:
                self.refusals.append(
                    f"{self.name} has a column {unknown} that the catalogue lacks; dropping it would lose data. "
                    "Declare it again, or drop it by hand."
                )
        order = [c for c in have if c in want] + [c for c in want if c not in have]
        if order != list(want) and not self.size.empty:
            self.refusals.append(
                f"{self.name}: add new columns after {list(have)[-1]}, the last one; PostgreSQL cannot reorder."
                if have
                else f"{self.name} has no columns."
            )

    def _drop_column(self, column: str) -> Generator[str, None, bool]:
        """Drop a column without rows, unless an owner's object would go with it; answers whether it is dropped."""
        self.cursor.execute(_OWN_OBJECTS, {"relation": self.relation, "column": column})
        found = [what for (what,) in self.cursor.fetchall()]
        if found:
            self.refusals.append(
                f"{self.name}.{column} cannot be made anew while there is {', '.join(found)}. Drop that first."
            )
        elif self._done(
            f"{column} cannot be dropped", f"ALTER TABLE {self.relation} DROP COLUMN {ident(column)}"
        ):
            yield f"dropped {self.name}.{column}"
            return True
        return False

    def _add_column(self, column: str, wanted: ColumnState) -> Iterator[str]:
        clauses = f"{wanted.type} {wanted.default}{' NOT NULL' if wanted.not_null else ''}"
        if self._done(
            f"{column} cannot be added", f"ALTER TABLE {self.relation} ADD COLUMN {ident(column)} {clauses}"
        ):
            yield f"added {self.name}.{column}"

    def _change(self, column: str, found: ColumnState, wanted: ColumnState) -> Iterator[str]:
        if column in self.moved:
            if (yield from self._drop_column(column)):
                yield from self._add_column(column, wanted)
            return
        if found.type != wanted.type and not (yield from self._set_type(column, found, wanted)):
            return
        if found.not_null != wanted.not_null:
            yield from self._set_null(column, wanted)
        if not self.closed and found.default != wanted.default:
            yield from self._set_default(column, found, wanted)

    def _set_type(self, column: str, found: ColumnState, wanted: ColumnState) -> Generator[str, None, bool]:
        """Convert where nothing is lost; answers whether the column now has the type."""
        name = f"{self.name}.{column}"
        if self.size.large and is_collation(found.type, wanted.type):
            # Its indexes would be rebuilt. The doctor shows it, with the statement.
            return True
        if not (self.closed and (self.size.empty or is_lossless(found.type, wanted.type))):
            self.refusals.append(
                f"{name} is {found.type}, the catalogue says {wanted.type.removesuffix(COLLATION)}; converting may lose "
                "data. Add a new column instead."
            )
            return False
        if self.size.large and is_rewritten(found.type, wanted.type):
            self.refusals.append(
                f"{name} is {found.type}, the catalogue says {wanted.type}; converting would rewrite {self.size.rows} rows "
                f"while everybody waits. At a quiet time run ALTER TABLE {self.relation} ALTER COLUMN {ident(column)} "
                f"TYPE {wanted.type}, then deploy; or add a new column instead."
            )
            return False
        using = f" USING NULL::{wanted.type.removesuffix(COLLATION)}" if self.size.empty else ""
        statement = f"ALTER TABLE {self.relation} ALTER COLUMN {ident(column)} TYPE {wanted.type}{using}"
        if self._done(f"{column} cannot become {wanted.type}", statement):
            yield f"changed the type of {name} to {wanted.type}"
            return True
        return False

    def _set_null(self, column: str, wanted: ColumnState) -> Iterator[str]:
        name = f"{self.name}.{column}"
        if not wanted.not_null:
            action = f"ALTER COLUMN {ident(column)} DROP NOT NULL"
        elif self.size.large:
            constraint = f"{self.table}_{column}_not_null"
            action = f"ADD CONSTRAINT {ident(constraint)} NOT NULL {ident(column)} NOT VALID"
            self.later.append(Change(self.schema, self.table, "validate", constraint))
        else:
            self.cursor.execute(f"SELECT count(*) FROM {self.relation} WHERE {ident(column)} IS NULL")
            (nulls,) = self.cursor.fetchone()
            if nulls:
                self.refusals.append(
                    f"{name} is to be NOT NULL, but {nulls} row(s) are NULL. Fill them, or make it nullable."
                )
                return
            action = f"ALTER COLUMN {ident(column)} SET NOT NULL"
        if self._done(f"NOT NULL of {column} cannot be changed", f"ALTER TABLE {self.relation} {action}"):
            yield f"{'set' if wanted.not_null else 'drop'} not null on {name}"

    def _set_default(self, column: str, found: ColumnState, wanted: ColumnState) -> Iterator[str]:
        if "IDENTITY" in found.default + wanted.default:
            self.refusals.append(
                f"{self.name}.{column} has {found.default or 'no default'}, not {wanted.default or 'none'}; mend it by hand."
            )
            return
        action = f"SET {wanted.default}" if wanted.default else "DROP DEFAULT"
        if self._done(
            f"the default of {column} cannot be changed",
            f"ALTER TABLE {self.relation} ALTER COLUMN {ident(column)} {action}",
        ):
            yield f"changed the default of {self.name}.{column}"

    def constraints(self, *, foreign: bool) -> Iterator[str]:
        """Constraints of the wanted names are made what is wanted; those of a large table are validated later."""
        for name, definition in self.want.constraints.items():
            if definition.startswith("FOREIGN KEY") != foreign:
                continue
            found = None if name in self.dropped else self.have.constraints.get(name)
            if found is None:
                yield from self._add_constraint(name, definition)
            elif found == definition + NOT_VALID:
                if self.size.large:
                    self.later.append(Change(self.schema, self.table, "validate", name))
                elif self._done(
                    f"constraint {name} is contradicted by rows",
                    f"ALTER TABLE {self.relation} VALIDATE CONSTRAINT {ident(name)}",
                ):
                    yield f"validated constraint {self.schema}.{name}"

    def _add_constraint(self, name: str, definition: str) -> Iterator[str]:
        key = definition.startswith("PRIMARY KEY")
        if key and self.size.large:
            if name not in self.have.constraints:
                self.refusals.append(
                    f"{self.name} lacks its key {name}, and {self.size.rows} rows would be indexed while everybody waits. "
                    f"Run CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE {self.relation} ADD CONSTRAINT {ident(name)} "
                    "PRIMARY KEY USING INDEX, then deploy."
                )
            return
        later = self.size.large and not key
        statement = f"ALTER TABLE {self.relation} ADD CONSTRAINT {ident(name)} {definition}{NOT_VALID if later else ''}"
        if self._done(f"constraint {name} cannot be changed", statement):
            if later:
                self.later.append(Change(self.schema, self.table, "validate", name))
            yield f"{'changed' if name in self.dropped else 'added'} constraint {self.schema}.{name}"

    def indexes(self) -> Iterator[str]:
        """Indexes of the wanted names are made what is wanted; those of a large table later."""
        for name, definition in self.want.indexes.items():
            if name not in self.dropped and self.have.indexes.get(name) == definition:
                continue
            if self.size.large:
                self.later.append(Change(self.schema, self.table, "index", name))
            elif self._done(f"index {name} cannot be changed", definition):
                yield f"{'changed' if name in self.dropped else 'added'} index {self.schema}.{name}"

    def _done(self, what: str, statement: str) -> bool:
        return done(self.cursor, f"{self.name}: {what}", statement, self.refusals)


def done(cursor: Any, what: str, statement: str, refusals: list[str]) -> bool:
    """Execute; what PostgreSQL refuses is a refusal that begins with ``what``, and never quotes a value.

    A lock that was not to be had and a lost database are no refusals: they are raised.
    """
    with attempt(cursor, psycopg2.Error) as failed:
        cursor.execute(statement)
    for error in failed:
        if not isinstance(error, psycopg2.Error):
            raise error
        if error.pgcode in _LOCKS:
            raise Busy(
                f"{what}: it is in use, and a lock was not to be had in time. Try again when less is running."
            )
        if is_translated(error):
            raise error
        refusals.append(f"{what}: {reason(error)}.")
    return not failed


def reason(error: psycopg2.Error) -> str:
    """Why PostgreSQL refused, without any value of a row."""
    state = error.pgcode or "none"
    if state.startswith(_QUOTES_VALUES) or not error.diag.message_primary:
        return f"rows contradict it (SQLSTATE {state})"
    text = error.diag.message_primary
    if state in _DEPENDENT and error.diag.message_detail:
        text += (
            f" ({'; '.join(error.diag.message_detail.splitlines())}); drop that, deploy, and make it again"
        )
    return text
