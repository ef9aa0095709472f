"""Complete the shadows of filled tables: add the stored rows, then build constraints and indexes over all of them.

Constraints are checked row by row when rows are inserted into a table, and by sorting and joining when they are built. For a
large share of new rows the latter takes a fraction of the time, and does not block writers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import psycopg2

from dataforge.postgres import shadow
from dataforge.postgres.unwritten import State
from functions.migrate.resolve.build import add_foreign_keys
from functions.migrate.resolve.choose import share_of_new_rows
from functions.migrate.resolve.compare import Comparison, count_rows
from functions.migrate.resolve.duplicates import remove_duplicates
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.resolve.remove import remove_all
from functions.migrate.run.migration import Run, merged
from functions.migrate.run.stored_rows import add_stored_rows

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


class _Refused(Exception):
    """PostgreSQL refused a constraint."""


def rebuild(
    cursor: Cursor, run: Run, circle: Sequence[RejectedRows], states: Sequence[State | None]
) -> tuple[Run, list[Comparison]]:
    """Complete the shadows; ``states`` are those of their tables. Returns the run, which merges if that is impossible.

    Rows that are all new are compared only if PostgreSQL refuses a constraint.
    """
    if all(states) and all(share_of_new_rows(cursor, run, rejected.table) == 1 for rejected in circle):
        for rejected in circle:
            if rejected.table.keyed_by_row:
                # Here identical rows are usual.
                remove_duplicates(run, rejected)
        counted = [count_rows(cursor, run, rejected.table) for rejected in circle]
        if _complete(cursor, run, circle, all_new=True):
            return run, counted
    compared = remove_all(cursor, run, circle)
    if not (all(states) and _complete(cursor, run, circle, all_new=False)):
        run = merged(cursor, run)
    return run, compared


def _complete(cursor: Cursor, run: Run, circle: Sequence[RejectedRows], *, all_new: bool) -> bool:
    """Add the stored rows and build everything. Returns False, and changes nothing, if PostgreSQL refuses a constraint."""
    with shadow.attempt(cursor, psycopg2.IntegrityError, _Refused) as failed:
        for rejected in circle:
            add_stored_rows(cursor, run, rejected.table, all_new=all_new)
        if not all(shadow.add_keys(cursor, rejected.table, run.id) for rejected in circle):
            raise _Refused
        for rejected in circle:
            shadow.finish(cursor, rejected.table, run.id)
        if not add_foreign_keys(cursor, run, circle):
            raise _Refused
    return not failed
