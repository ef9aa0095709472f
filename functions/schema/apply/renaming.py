"""Rename one table and its columns, with the constraints and indexes that are named after them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql, from_catalog, ident, literal
from dataforge.tables.catalogue import Table
from functions.schema.apply.created import read_created
from functions.schema.apply.statement import Lock, Statement, Step
from functions.schema.apply.subject import Outcome
from functions.schema.difference import DISABLED, NOT_VALID, Shape
from functions.schema.names import Convention
from functions.schema.size import Size

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_DIFFERENT = Sql(" (before the rename)")
"""Added to definitions in former names that the catalogue does not declare: they must not equal one in new names."""
_SUFFIXES = (NOT_VALID, DISABLED, Sql(" INVALID"))
_INDEX_NAME = re.compile(r"INDEX .+? ON ")
_LEDGER = ("migration_tables", "quality_facts", "quality_sums", "rejections")
"""Tables of the ledger that follow a renamed table."""


@dataclass
class Renaming:
    """The rename of one table, its columns, constraints and indexes. ``old`` and ``expected`` are in present names.

    ``columns``: the present names of the columns that are renamed, by the declared name.
    """

    cursor: Cursor
    columns: Mapping[str, str]
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
        names = {old: new for new, old in self.columns.items()}
        columns = {names.get(name, name): state for name, state in self.have.columns.items()}
        return replace(self.have, columns=columns, constraints=self._constraints(), indexes=self._indexes())

    @cached_property
    def size(self) -> Size:
        """The size of the table."""
        return Size.of(self.cursor, ddl.qualified(self.old))

    @property
    def is_affected(self) -> bool:
        return self.old.name != self.table.name or bool(self.columns)

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
        for new, old in self.columns.items():
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
