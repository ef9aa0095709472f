"""The DDL of a dataset as a script for an empty PostgreSQL database: the statements of a deployment, without roles."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.postgres.ddl import column_sql, create_table, dataset_statements, qualified
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Dataset, Table

_HEAD = (
    "-- The schema {name} for PostgreSQL 16 or later, as `dataforge describe {name} --as sql` writes it.\n"
)


def script(dataset: Dataset) -> str:
    """CREATE statements with keys, checks, indexes and comments; foreign keys in circles follow their tables."""
    return _HEAD.format(name=dataset.name) + "".join(
        f"\n{statement};\n" for statement in _statements(dataset)
    )


def _statements(dataset: Dataset) -> Iterator[Sql]:
    by_line = {create_table(table): _in_lines(table) for table in dataset.tables.values()}
    return (by_line.get(statement, statement) for statement in dataset_statements(dataset))


def _in_lines(table: Table) -> Sql:
    """CREATE TABLE with one column in each line."""
    columns = Sql(",\n    ").join(map(column_sql, table.columns))
    return Sql("CREATE TABLE {} (\n    {}\n)").format(qualified(table), columns)
