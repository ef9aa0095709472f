"""Rename tables and columns, with the constraints and indexes that are named after them.

To compare the present definitions, the catalogue is also created under the present names, in the scratch schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from psycopg2.errors import InsufficientPrivilege, UndefinedTable

from dataforge.postgres import ddl
from dataforge.postgres.roles import OWNER
from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, from_catalog, ident, literal
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.structure import rename
from functions.schema.apply.created import read_created
from functions.schema.apply.statement import Lock, Statement, Step
from functions.schema.apply.subject import Outcome
from functions.schema.difference import DISABLED, NOT_VALID, Shape, expected_dataset
from functions.schema.names import Convention
from functions.schema.size import Size

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_DIFFERENT = Sql(" (before the rename)")
"""Added to definitions in former names that the catalogue does not declare: they must not equal one in new names."""
_SUFFIXES = (NOT_VALID, DISABLED, Sql(" INVALID"))
_INDEX_NAME = re.compile(r"INDEX .+? ON ")
_LEDGER = ("migration_tables", "quality_facts", "rejections")
"""Tables of the ledger that follow a renamed table."""
_RECORDED = """
    SELECT "column", former, name FROM dataforge.schema_renames
    WHERE dataset = %s AND ("table" = %s OR "column" = '') ORDER BY renamed_at DESC
"""


@dataclass(frozen=True)
class Renames:
    """The present name of each table that is renamed, and of each column, by the declared table and column."""

    dataset: Dataset
    tables: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, table: str) -> Mapping[str, str]:
        """The present names of a table's columns that are renamed, by the declared name."""
        return self.columns.get(table, {})

    def apply(
        self,
        cursor: Cursor,
        before: Mapping[str, Shape],
        want: Mapping[str, Shape],
        outcome: Outcome,
        scratch: Cursor,
    ) -> dict[str, Shape]:
        """The present shapes in declared names; adds the statements that rename."""
        if not self.tables and not self.columns:
            return dict(before)
        present = rename(self.dataset, self.tables, self.columns)
        expected = expected_dataset(scratch, present)
        present_names = {self.tables.get(name, name) for name in self.dataset.tables}
        found = {name: shape for name, shape in before.items() if name not in present_names}
        for table in self.dataset.tables.values():
            old = present.table(self.tables.get(table.name, table.name))
            if old.name in before:
                renaming = _Renaming(
                    cursor, self, table, old, before[old.name], expected[old.name], want[table.name], outcome
                )
                found[table.name] = renaming.shape()
        return found


def find_renames(
    cursor: Cursor, dataset: Dataset, before: Mapping[str, Shape], refusals: list[str]
) -> Renames:
    """The renames that are declared or undo a recorded one, and whose former name exists and the new one does not."""
    renames = Renames(dataset)
    for table in dataset.tables.values():
        present = _present_table(cursor, dataset, table, before, refusals)
        if present != table.name:
            renames.tables[table.name] = present
        if present in before and (columns := _present_columns(cursor, table, present, before[present])):
            renames.columns[table.name] = columns
    return renames


def _present_table(
    cursor: Cursor, dataset: Dataset, table: Table, before: Mapping[str, Shape], refusals: list[str]
) -> str:
    declared = table.evolution.renamed
    exists = declared in before and before[declared].owner == OWNER
    if table.name not in before:
        if exists:
            return declared
        return next(
            (n for n in _recorded(cursor, table, "") if n in before and n not in dataset.tables), table.name
        )
    if exists and declared not in dataset.tables:
        name = f"{dataset.name}.{table.name}"
        refusals.append(
            f"{name} cannot take the place of {declared}, because both tables exist. Hint: remove renamed={declared!r}; "
            f"or, if {name} is empty, run DROP TABLE {ddl.qualified(table)}, then deploy."
        )
    return table.name


def _present_columns(cursor: Cursor, table: Table, present: str, shape: Shape) -> dict[str, str]:
    missing = [column for column in table.columns if column.name not in shape.columns]
    found: dict[str, str] = {}
    for column in missing:
        recorded = _recorded(cursor, replace(table, name=present), column.name)
        undeclared = (name for name in recorded if name not in table.by_name)
        for former in (column.renamed, *undeclared):
            if former in shape.columns and former not in found.values():
                found[column.name] = former
                break
    return found


def _recorded(cursor: Cursor, table: Table, column: str) -> list[str]:
    """The names that deployments gave to this table, or column, newest first: an earlier version of the code undoes them."""
    with attempt(cursor, UndefinedTable, InsufficientPrivilege) as failed:
        cursor.execute(_RECORDED, (table.dataset, table.name))
        found = cursor.fetchall()
    former = column or table.name
    return [] if failed else [name for of, old, name in found if bool(of) == bool(column) and old == former]


@dataclass
class _Renaming:
    """The rename of one table, its columns, constraints and indexes. ``old`` and ``expected`` are in present names."""

    cursor: Cursor
    renames: Renames
    table: Table
    old: Table
    have: Shape
    expected: Shape
    want: Shape
    outcome: Outcome

    def shape(self) -> Shape:
        """The shape in declared names."""
        self._rename_table()
        self._rename_columns()
        names = {old: new for new, old in self.renames.of(self.table.name).items()}
        columns = {names.get(name, name): state for name, state in self.have.columns.items()}
        return replace(self.have, columns=columns, constraints=self._constraints(), indexes=self._indexes())

    @cached_property
    def size(self) -> Size:
        """The size of the table."""
        return Size.of(self.cursor, ddl.qualified(self.old))

    @property
    def is_affected(self) -> bool:
        return self.old.name != self.table.name or bool(self.renames.of(self.table.name))

    def _rename_table(self) -> None:
        if self.old.name == self.table.name:
            return
        self._add(
            Sql("ALTER TABLE {} RENAME TO {}").format(ddl.qualified(self.old), ident(self.table.name)),
            f"renamed {self.old.dataset}.{self.old.name} to {self.table.name}",
        )
        for ledger in _LEDGER:
            self._add(
                Sql('UPDATE dataforge.{} SET "table" = {} WHERE dataset = {} AND "table" = {}').format(
                    ident(ledger), *map(literal, (self.table.name, self.table.dataset, self.old.name))
                ),
                lock=Lock.NOTHING,
            )
        self._record("", self.old.name, self.table.name)

    def _rename_columns(self) -> None:
        for new, old in self.renames.of(self.table.name).items():
            self._add(
                self._altered(Sql("RENAME COLUMN {} TO {}"), old, new),
                f"renamed {self.table.dataset}.{self.table.name}.{old} to {new}",
            )
            self._record(new, old, new)

    def _constraints(self) -> dict[str, Sql]:
        pairs = list(zip(ddl.constraints(self.old), ddl.constraints(self.table), strict=True))
        for (old, _), (new, _) in pairs:
            self.outcome.former[self.table.name, new] = self.expected.constraints[old]
        declared = {self.expected.constraints[old]: new for (old, _), (new, _) in pairs}
        found: dict[str, Sql] = {}
        for name, definition in self.have.constraints.items():
            base, suffix = _split(definition)
            new = declared.pop(from_catalog(base), "") if self._is_ours(name) else ""
            if not new:
                found[name] = definition + _DIFFERENT if self.is_affected else definition
                continue
            found[new] = self.want.constraints[new] + suffix
            if name != new:
                self._add(self._altered(Sql("RENAME CONSTRAINT {} TO {}"), name, new))
        return found

    def _indexes(self) -> dict[str, Sql]:
        pairs = zip(ddl.index_statements(self.old), ddl.index_statements(self.table), strict=True)
        declared = {_unnamed(self.expected.indexes[old]): new for (old, _), (new, _) in pairs}
        found: dict[str, Sql] = {}
        for name, definition in self.have.indexes.items():
            base, suffix = _split(definition)
            new = declared.pop(_unnamed(base), "") if self._is_our_index(name) else ""
            if not new:
                found[name] = definition
                continue
            found[new] = self.want.indexes[new] + suffix
            if name != new:
                schema = ident(self.table.dataset)
                self._add(
                    Sql("ALTER INDEX {}.{} RENAME TO {}").format(schema, ident(name), ident(new)),
                    lock=Lock.NOTHING,
                )
        return found

    @property
    def _convention(self) -> Convention:
        created = read_created(self.cursor, self.old.dataset, self.old.name)
        return Convention(self.old.name, self.have.columns, created)

    def _is_ours(self, name: str) -> bool:
        return self._convention.is_constraint(name)

    def _is_our_index(self, name: str) -> bool:
        return self._convention.is_index(name, self.have.constraints)

    def _altered(self, action: Sql, old: str, new: str) -> Sql:
        return Sql("ALTER TABLE {} {}").format(
            ddl.qualified(self.table), action.format(ident(old), ident(new))
        )

    def _record(self, column: str, former: str, name: str) -> None:
        values = Sql(", ").join(map(literal, (self.table.dataset, self.table.name, column, former, name)))
        self._add(
            Sql(
                'INSERT INTO dataforge.schema_renames (dataset, "table", "column", former, name) VALUES ({})'
            ).format(values),
            lock=Lock.NOTHING,
        )

    def _add(self, sql: Sql, change: str = "", lock: Lock = Lock.ALL) -> None:
        name = f"{self.table.dataset}.{self.table.name}"
        self.outcome.statements.append(
            Statement(
                Step.RENAME,
                name,
                sql,
                f"{name} cannot be renamed",
                change,
                lock=lock,
                rows=self.size.rows,
                size=self.size.bytes,
            )
        )


def _split(definition: str) -> tuple[str, Sql]:
    """A definition without the suffixes of its state, and these suffixes."""
    for suffix in _SUFFIXES:
        if definition.endswith(suffix):
            return definition.removesuffix(suffix), suffix
    return definition, Sql("")


def _unnamed(definition: str) -> str:
    return _INDEX_NAME.sub("INDEX ON ", definition, count=1)


def former_constraints(cursor: Cursor, renames: Renames, table: str, shape: Shape | None) -> Iterator[str]:
    """Data Forge's constraints and indexes with names after former tables and columns."""
    if shape is None:
        return
    former = renames.tables.get(table, table)
    convention = Convention(former, shape.columns, read_created(cursor, renames.dataset.name, former))
    yield from (name for name in shape.constraints if convention.is_constraint(name))
    yield from (name for name in shape.indexes if convention.is_index(name, shape.constraints))
