"""Stored rows in the shadow of a rebuilt table: they have no position in a source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.postgres import ddl, shadow
from dataforge.postgres.row_identity import same_key
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_NO_POSITION = -1
"""Positions of the run's rows begin at 0."""


def add_stored_rows(cursor: Cursor, run: Run, table: Table, *, all_new: bool) -> None:
    """Add the table's rows whose key no row of the run has. ``all_new``: the run has no such row, so none is searched."""
    missing = Sql("WHERE NOT EXISTS (SELECT FROM {} s WHERE {})").format(
        run.shadow(table), same_key(table, "s", "l")
    )
    cursor.execute(
        Sql("INSERT INTO {} ({}, {}) SELECT {}, {} FROM {} l {}").format(
            run.shadow(table),
            ddl.columns_sql(table),
            shadow.SOURCE,
            ddl.columns_sql(table),
            _NO_POSITION,
            ddl.qualified(table),
            Sql("") if all_new else missing,
        )
    )


def undo_rebuild(cursor: Cursor, run: Run, tables: Iterable[Table]) -> None:
    """Delete them from these shadows, whose rows are to be merged instead, and drop the foreign keys of all shadows."""
    for table in run.tables:
        shadow.drop_foreign_keys(cursor, table, run.id)
    for table in tables:
        cursor.execute(
            Sql("DELETE FROM {} WHERE {} = {}").format(run.shadow(table), shadow.SOURCE, _NO_POSITION)
        )
