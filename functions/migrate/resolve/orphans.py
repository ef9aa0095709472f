"""Reject orphans: rows whose parent does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from dataforge.postgres import shadow
from dataforge.postgres.sql import Sql
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.known.proof import require_known
from functions.migrate.run.migration import Run
from functions.migrate.run.parents import is_orphan
from functions.migrate.run.row_conditions import values_sql


def remove_orphans(run: Run, circle: Sequence[RejectedRows]) -> None:
    """Reject rows whose parent is neither in the run nor stored; a row may lack several parents.

    In a circle of tables, the children of rejected rows are orphans in turn.
    Raises ``NoLongerKnown`` before it deletes rows that may only seem to be orphans.
    """
    circular = any(key.deferrable for rejected in circle for key in rejected.table.foreign_keys)
    more = True
    while more:
        missing = set[str]()
        for rejected in circle:
            for key in rejected.table.foreign_keys:
                orphans = Sql("SELECT s.{}, s.ctid, {} FROM {} s WHERE {}").format(
                    shadow.SOURCE, values_sql(key, "s"), run.shadow(rejected.table), is_orphan(run, key)
                )
                if rejected.mark(orphans, key.name):
                    missing.add(key.parent)
        require_known(circle[0].cursor, run, missing)
        deleted = [rejected.delete_marked() for rejected in circle]
        more = any(deleted) and circular
