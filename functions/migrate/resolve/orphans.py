"""Reject orphans: rows whose parent does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from dataforge.postgres import shadow
from dataforge.postgres.sql import Sql
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.migration import Run
from functions.migrate.run.parents import is_orphan
from functions.migrate.run.row_conditions import values_sql


def remove_orphans(run: Run, circle: Sequence[RejectedRows]) -> None:
    """Reject rows whose parent is neither in the run nor stored; a row may lack several parents.

    In a circle of tables, the children of rejected rows are orphans in turn.
    """
    circular = any(key.deferrable for rejected in circle for key in rejected.table.foreign_keys)
    more = True
    while more:
        for rejected in circle:
            for key in rejected.table.foreign_keys:
                orphans = Sql("SELECT s.{}, s.ctid, {} FROM {} s WHERE {}").format(
                    shadow.SOURCE, values_sql(key, "s"), run.shadow(rejected.table), is_orphan(run, key)
                )
                rejected.mark(orphans, key.name)
        deleted = [rejected.delete_marked() for rejected in circle]
        more = any(deleted) and circular
