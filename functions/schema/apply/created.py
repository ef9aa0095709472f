"""Record the names of the constraints and indexes that deployments create, to distinguish them from an owner's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from psycopg2.errors import InsufficientPrivilege, UndefinedTable
from psycopg2.extras import execute_values

from dataforge.postgres import ddl
from dataforge.postgres.shadow import attempt
from dataforge.tables.catalogue import Dataset, Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def read_created(cursor: Cursor, dataset: str, table: str) -> frozenset[str]:
    """The recorded names of a table. Empty for a ledger of an earlier version, or a damaged one, which is a finding."""
    with attempt(cursor, UndefinedTable, InsufficientPrivilege) as failed:
        cursor.execute(
            'SELECT name FROM dataforge.schema_objects WHERE dataset = %s AND "table" = %s', (dataset, table)
        )
        found = cursor.fetchall()
    return frozenset() if failed else frozenset(name for (name,) in found)


def record_created(cursor: Cursor, datasets: Iterable[Dataset]) -> None:
    """Record the names of every declared constraint and index."""
    rows = [
        (dataset.name, table.name, name)
        for dataset in datasets
        for table in dataset.tables.values()
        for name in declared_names(table)
    ]
    execute_values(
        cursor,
        'INSERT INTO dataforge.schema_objects (dataset, "table", name) VALUES %s ON CONFLICT DO NOTHING',
        rows,
    )


def declared_names(table: Table) -> Iterable[str]:
    """The names of a table's declared constraints and indexes."""
    yield from (name for name, _ in ddl.constraints(table))
    yield from (name for name, _ in ddl.index_statements(table))
