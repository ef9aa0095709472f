"""The order in which tables are resolved."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_EXPANSION = 4
"""Bytes of a table for one of its files, most of which are not compressed."""

_FILES = "SELECT source, sum(size)::bigint FROM dataforge.migration_files WHERE migration_id = %s GROUP BY 1"
_STORED = "SELECT name, pg_table_size(relation::regclass) FROM unnest(%s, %s) tables(name, relation)"


def waves(cursor: Cursor, run: Run, large: float) -> list[list[str]]:
    """Lists of tables. Those of a list are resolved at the same time, after the earlier lists.

    Parents precede their children, then larger tables smaller ones. Of the tables of a circle, the first stands for all.
    There is one list, in which children wait for their parents, unless a table is ``large`` (in bytes): functions should
    not wait for hours.
    """
    files, stored = _file_bytes(cursor, run), _stored_bytes(cursor, run)
    found = [
        sorted(
            (name for name in wave if run.circle(name)[0].name == name), key=files.__getitem__, reverse=True
        )
        for wave in run.dataset.waves(table.name for table in run.tables)
    ]
    if any(_EXPANSION * files[name] + stored[name] >= large for name in files):
        return found
    return [list(chain.from_iterable(found))]


def _file_bytes(cursor: Cursor, run: Run) -> dict[str, int]:
    """The bytes of each table's files."""
    feeds = {source.file: source.tables for source in run.dataset.sources}
    total = dict.fromkeys((table.name for table in run.tables), 0)
    cursor.execute(_FILES, (run.id,))
    for source, size in cursor.fetchall():
        for name in total.keys() & set(feeds[source] if source else total):
            total[name] += size
    return total


def _stored_bytes(cursor: Cursor, run: Run) -> dict[str, int]:
    """The bytes of each table."""
    names = [table.name for table in run.tables]
    cursor.execute(_STORED, (names, [str(ddl.qualified(table)) for table in run.tables]))
    return dict(cursor.fetchall())
