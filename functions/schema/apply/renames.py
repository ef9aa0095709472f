"""Rename tables and columns, with the constraints and indexes that are named after them.

To compare the present definitions, the catalogue is also created under the present names, in the scratch schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from psycopg2.errors import InsufficientPrivilege, UndefinedTable

from dataforge.postgres import ddl
from dataforge.postgres.roles import OWNER
from dataforge.postgres.shadow import attempt
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.structure import rename
from functions.schema.apply.created import read_created
from functions.schema.apply.renaming import Renaming
from functions.schema.apply.subject import Outcome
from functions.schema.difference import Shape, expected_dataset
from functions.schema.names import Convention

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


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
                renaming = Renaming(
                    cursor,
                    self.of(table.name),
                    table,
                    old,
                    before[old.name],
                    expected[old.name],
                    want[table.name],
                    outcome,
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
        if present in before:
            columns = _present_columns(cursor, table, present, before[present])
            if columns := _without_taken(table, columns, refusals):
                renames.columns[table.name] = columns
    return renames


def _present_table(
    cursor: Cursor, dataset: Dataset, table: Table, before: Mapping[str, Shape], refusals: list[str]
) -> str:
    declared = table.evolution.renamed
    exists = declared in before and before[declared].owner == OWNER
    if table.name not in before:
        if exists and declared in dataset.tables:
            refusals.append(_taken(f"{dataset.name}.{table.name}", "table", declared))
            return table.name
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


def _without_taken(table: Table, columns: Mapping[str, str], refusals: list[str]) -> dict[str, str]:
    """The renames of columns without those whose former name another declared column has."""
    taken = {name: former for name, former in columns.items() if former in table.by_name}
    refusals += [
        _taken(f"{table.dataset}.{table.name}.{name}", "column", former) for name, former in taken.items()
    ]
    return {name: former for name, former in columns.items() if name not in taken}


def _taken(name: str, kind: str, former: str) -> str:
    return (
        f"{name} cannot be renamed from {former}, because another {kind} is declared with that name. Hint: deploy the"
        f" rename first, without the {kind} {former}; then add it."
    )


def _recorded(cursor: Cursor, table: Table, column: str) -> list[str]:
    """The names that deployments gave to this table, or column, newest first: an earlier version of the code undoes them."""
    with attempt(cursor, UndefinedTable, InsufficientPrivilege) as failed:
        cursor.execute(_RECORDED, (table.dataset, table.name))
        found = cursor.fetchall()
    former = column or table.name
    return [] if failed else [name for of, old, name in found if bool(of) == bool(column) and old == former]


def former_constraints(cursor: Cursor, renames: Renames, table: str, shape: Shape | None) -> Iterator[str]:
    """Data Forge's constraints and indexes with names after former tables and columns."""
    if shape is None:
        return
    former = renames.tables.get(table, table)
    convention = Convention(former, shape.columns, read_created(cursor, renames.dataset.name, former))
    yield from (name for name in shape.constraints if convention.is_constraint(name))
    yield from (name for name in shape.indexes if convention.is_index(name, shape.constraints))
