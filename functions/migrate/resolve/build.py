"""Build the constraints and indexes of shadows that are to replace tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.postgres import shadow
from functions.migrate.resolve.compare import Comparison, count_rows
from functions.migrate.resolve.conflicts import remove_conflicts
from functions.migrate.resolve.duplicates import remove_duplicates
from functions.migrate.resolve.orphans import remove_orphans
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.declared import no_longer_fits
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def build_alone(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> list[Comparison] | None:
    """Build everything except foreign keys, and count the rows; None if PostgreSQL refuses a key.

    Then the caller must undo the changes.
    """
    _remove_identical_rows(run, circle)
    return None if _add_keys(cursor, run, circle) else _finish(cursor, run, circle)


def build(
    cursor: Cursor, run: Run, circle: Sequence[RejectedRows], prepared: list[Comparison] | None
) -> list[Comparison]:
    """Build everything, of ``prepared`` shadows the foreign keys, and count the rows.

    Rows that PostgreSQL refuses are rejected. The foreign keys are last, because they lock the parents, for which the
    children then wait until the end of the transaction.
    """
    if prepared is None:
        _remove_identical_rows(run, circle)
        if unkeyed := _add_keys(cursor, run, circle):
            _reject_for_keys(cursor, run, circle, unkeyed)
        prepared = _finish(cursor, run, circle)
    if add_foreign_keys(cursor, run, circle):
        return prepared
    remove_orphans(run, circle)
    add_foreign_keys(cursor, run, circle)
    for rejected in circle:
        shadow.analyze(cursor, rejected.table, run.id)
    return [count_rows(cursor, run, rejected.table) for rejected in circle]


def _remove_identical_rows(run: Run, circle: Sequence[RejectedRows]) -> None:
    """Delete duplicates where they are usual; elsewhere only if PostgreSQL refuses the key."""
    for rejected in circle:
        if rejected.table.keyed_by_row:
            remove_duplicates(run, rejected)


def _add_keys(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> list[RejectedRows]:
    """Add the keys; returns the tables of which PostgreSQL refuses one."""
    return [rejected for rejected in circle if not shadow.add_keys(cursor, rejected.table, run.id)]


def _reject_for_keys(
    cursor: Cursor, run: Run, circle: Sequence[RejectedRows], unkeyed: Sequence[RejectedRows]
) -> None:
    """Reject the rows for which PostgreSQL refuses keys, and add these."""
    for rejected in unkeyed:
        if not rejected.table.keyed_by_row:
            remove_duplicates(run, rejected)
    remove_orphans(run, circle)
    for rejected in unkeyed:
        remove_conflicts(run, rejected)
    if _add_keys(cursor, run, unkeyed):
        names = ", ".join(run.shadow(rejected.table) for rejected in unkeyed)
        raise RuntimeError(f"{names}: several rows have one key after conflicts were deleted")


def _finish(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> list[Comparison]:
    """Build checks, other indexes and statistics, and count the rows."""
    for rejected in circle:
        try:
            shadow.finish(cursor, rejected.table, run.id)
        except psycopg2.errors.CheckViolation as error:
            reason = f"rows contradict {error.diag.constraint_name}"
            raise no_longer_fits(run.id, rejected.table, reason) from None
    return [count_rows(cursor, run, rejected.table) for rejected in circle]


def add_foreign_keys(cursor: Cursor, run: Run, circle: Sequence[RejectedRows]) -> bool:
    """Add the foreign keys of all shadows or of none."""
    in_run = [table.name for table in run.tables]
    if all(shadow.add_foreign_keys(cursor, rejected.table, run.id, in_run) for rejected in circle):
        return True
    for rejected in circle:
        shadow.drop_foreign_keys(cursor, rejected.table, run.id)
    return False
