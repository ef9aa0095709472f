"""Choose between inserting the rows of a run into filled tables and rebuilding the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.row_identity import same_key
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, number
from dataforge.tables.catalogue import Table
from functions.migrate.run.migration import MERGE, Run, read_run
from functions.migrate.run.rebuildable import MOST_BYTES, may_rebuild
from functions.migrate.run.whole_tables import sizes

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


LEAST_BYTES = 8 << 20
"""New rows of fewer bytes are inserted: the locks of a swap are not worth the time."""

_SHARE = 2
"""Tables are rebuilt for at least one new byte for this many stored ones, which are copied and sorted too."""

_PAGES = 20
"""The size of the sample of a shadow."""


def choose(cursor: Cursor, run_id: str, least: int) -> None:
    """Choose for the run, once, before its first table is resolved. ``least``: bytes of new rows."""
    cursor.execute(
        "SELECT FROM dataforge.migrations WHERE migration_id = %s AND mode = %s AND rebuilds IS NULL FOR UPDATE",
        (run_id, MERGE),
    )
    if cursor.fetchone() is None:
        return
    rebuilds = may_rebuild(cursor, run := read_run(cursor, run_id)) and _pays(cursor, run, least)
    cursor.execute(
        "UPDATE dataforge.migrations SET rebuilds = %s WHERE migration_id = %s", (rebuilds, run_id)
    )


def _pays(cursor: Cursor, run: Run, least: int) -> bool:
    """Whether most of the time would be spent on new rows."""
    new = stored = 0
    for table in run.tables:
        stored_bytes, loaded = sizes(cursor, run, table)
        if stored_bytes + loaded > MOST_BYTES:
            return False
        stored += stored_bytes
        new += int(loaded * share_of_new_rows(cursor, run, table))
    return new >= least and _SHARE * new >= stored


def share_of_new_rows(cursor: Cursor, run: Run, table: Table) -> float:
    """The share of the shadow's rows whose key the table lacks, from a sample; 0 if the sample is empty."""
    _, loaded = sizes(cursor, run, table)
    percent = min(100.0, 100 * _PAGES * 8192 / max(loaded, 1))
    cursor.execute(
        Sql(
            "SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT FROM {} l WHERE {}))"
            " FROM {} s TABLESAMPLE SYSTEM ({})"
        ).format(ddl.qualified(table), same_key(table, "s", "l"), run.shadow(table), number(percent))
    )
    rows, new = one_row(cursor)
    return new / rows if rows else 0.0
