"""Build the constraints and indexes of shadows that are to replace tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.postgres import shadow
from functions.migrate.resolve.conflicts import remove_conflicts
from functions.migrate.resolve.duplicates import remove_duplicates
from functions.migrate.resolve.orphans import remove_orphans
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.declared import no_longer_fits
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def build(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> None:
    """Build those of the shadows of empty tables. Rows that PostgreSQL refuses are rejected."""
    unkeyed = [r for r in circle if r.table.keyed_by_row or not shadow.add_keys(cursor, r.table, run.id)]
    for rejected in unkeyed:
        remove_duplicates(run, rejected)
    if unkeyed:
        remove_orphans(run, circle)
    for rejected in unkeyed:
        remove_conflicts(run, rejected)
        if not shadow.add_keys(cursor, rejected.table, run.id):
            raise RuntimeError(
                f"{run.shadow(rejected.table)} has several rows of one key after conflicts were deleted"
            )
    if not add_foreign_keys(cursor, run, circle):
        remove_orphans(run, circle)
        add_foreign_keys(cursor, run, circle)
    for rejected in circle:
        try:
            shadow.finish(cursor, rejected.table, run.id)
        except psycopg2.errors.CheckViolation as error:
            reason = f"rows contradict {error.diag.constraint_name}"
            raise no_longer_fits(run.id, rejected.table, reason) from None


def add_foreign_keys(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> bool:
    """Add the foreign keys of all shadows or of none."""
    in_run = [table.name for table in run.tables]
    if all(shadow.add_foreign_keys(cursor, rejected.table, run.id, in_run) for rejected in circle):
        return True
    for rejected in circle:
        shadow.drop_foreign_keys(cursor, rejected.table, run.id)
    return False
