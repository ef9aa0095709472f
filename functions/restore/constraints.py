"""Unique constraints during a merge: PostgreSQL checks them row by row, and rows may swap their values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey, Table
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


@contextmanager
def without_unique_constraints(cursor: Cursor, run: Run) -> Iterator[None]:
    """Drop the unique constraints of the run's tables and the foreign keys to them, and create them again at the end.

    Locks the tables against readers.
    """
    foreign_keys = list(_foreign_keys(run))
    uniques = [
        (table, name, definition)
        for table in run.tables
        for name, definition in ddl.unique_constraints(table)
    ]
    for table, name in (
        *((child, key.name) for child, key in foreign_keys),
        *((t, n) for t, n, _ in uniques),
    ):
        cursor.execute(Sql("ALTER TABLE {} DROP CONSTRAINT {}").format(ddl.qualified(table), ident(name)))
    yield
    for table, name, definition in uniques:
        cursor.execute(ddl.add_constraint(table, name, definition))
    for child, key in foreign_keys:
        cursor.execute(ddl.add_constraint(child, key.name, ddl.foreign_key(key, run.dataset.name)))


def _foreign_keys(run: Run) -> Iterator[tuple[Table, ForeignKey]]:
    """The foreign keys to unique columns of the run's tables."""
    for table in run.tables:
        for child, key in run.dataset.children(table.name):
            if set(key.parent_columns) != set(table.key):
                yield child, key
