"""Remove from shadows what cannot be stored beside the rows of filled tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.compare import Comparison, compare
from functions.migrate.resolve.conflicts import remove_conflicts, remove_stored_conflicts
from functions.migrate.resolve.duplicates import remove_duplicates
from functions.migrate.resolve.orphans import remove_orphans
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def remove_all(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> list[Comparison]:
    """Delete and reject these rows, and compare the others with the tables."""
    for rejected in circle:
        _analyze(cursor, run, rejected.table)
        remove_duplicates(run, rejected)
    compared = [compare(cursor, run, rejected.table) for rejected in circle]
    if all(comparison.all_unchanged for comparison in compared):
        # The tables have these rows, each with its own key, unique values and parents.
        return compared
    deleted = [rejected.rejected.total() for rejected in circle]
    remove_orphans(run, circle)
    for rejected, comparison in zip(circle, compared, strict=True):
        if comparison.differing or rejected.table.uniques:
            remove_stored_conflicts(run, rejected)
        remove_conflicts(run, rejected)
    if any(key.deferrable for rejected in circle for key in rejected.table.foreign_keys):
        # Rows that were rejected as conflicts may be the parents of others.
        remove_orphans(run, circle)
    return [
        comparison if rejected.rejected.total() == before else compare(cursor, run, rejected.table)
        for rejected, comparison, before in zip(circle, compared, deleted, strict=True)
    ]


def _analyze(cursor: Cursor, run: Run, table: Table) -> None:
    """Collect the statistics for the joins. A tenth of the usual sample suffices for the number of rows and of keys."""
    cursor.execute("SET LOCAL default_statistics_target = 10")
    cursor.execute(Sql("ANALYZE {}").format(run.shadow(table)))
