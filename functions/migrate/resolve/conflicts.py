"""Reject conflicts: of different rows with one key, one is stored."""

from __future__ import annotations

from dataforge.postgres import ddl, shadow
from dataforge.postgres.row_identity import same_key, same_row
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.rejected_rows import CONFLICT, STORED_CONFLICT, RejectedRows
from functions.migrate.run.migration import Run


def remove_conflicts(rejected: RejectedRows) -> None:
    """Of different rows with one key, reject those after the first in file order."""
    rejected.mark_later_rows_of_keys(CONFLICT)
    rejected.delete_marked()


def remove_stored_conflicts(run: Run, table: Table, rejected: RejectedRows) -> None:
    """Reject rows whose key is stored with other values."""
    if table.keyed_by_row or table.is_multiset:
        return
    conflicts = Sql("SELECT s.{}, s.ctid, NULL FROM {} s JOIN {} l ON {} WHERE NOT ({})").format(
        shadow.SOURCE,
        run.shadow(table),
        ddl.qualified(table),
        same_key(table, "s", "l"),
        same_row(table, "s", "l"),
    )
    rejected.mark(conflicts, STORED_CONFLICT)
    rejected.delete_marked()
