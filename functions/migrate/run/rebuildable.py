"""Decide whether the filled tables of a run can be rebuilt and swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl, shadow
from dataforge.postgres.rows import one_row
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


MOST_BYTES = 2 << 30
"""The limit for a table: rebuilding it must end within the time of one call, and needs its size again in storage."""

_PUBLISHED = "SELECT EXISTS (SELECT FROM pg_publication_tables WHERE schemaname = %s AND tablename = ANY(%s))"
_LARGEST = "SELECT max(pg_relation_size(name::regclass)) FROM unnest(%s) AS name"


def may_rebuild(cursor: Cursor, run: Run) -> bool:
    """Whether the tables can be swapped. Subscribers of a publication would receive the rows of the shadows.

    Copies of rows of a multiset are always inserted.
    """
    if any(table.is_multiset for table in run.tables):
        return False
    cursor.execute(_LARGEST, ([str(ddl.qualified(table)) for table in run.tables],))
    if one_row(cursor)[0] > MOST_BYTES:
        return False
    cursor.execute(_PUBLISHED, (run.dataset.name, [table.name for table in run.tables]))
    return not one_row(cursor)[0] and shadow.is_closed(cursor, run.dataset, run.tables)
