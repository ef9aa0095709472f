"""Settings and facts for statements that read most of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.postgres.unwritten import State, observe
from dataforge.tables.catalogue import Table
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SHARE = 4
"""A table is read whole if the run has at least one row for this many of the table."""

MEMORY = Sql("SET LOCAL work_mem = '32MB'; SET LOCAL maintenance_work_mem = '128MB'")
_BESIDE_OTHERS = Sql("{}; SET LOCAL min_parallel_table_scan_size = '64MB'").format(MEMORY)
_SIZES = "SELECT pg_relation_size(%s::regclass), pg_relation_size(%s::regclass)"

_STORES_AS_GIVEN = """
    SELECT relkind = 'r' AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
           AND NOT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid)
           AND NOT EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
    FROM pg_class c WHERE oid = %s::regclass
"""


def allow_memory(cursor: Cursor) -> None:
    """Let this transaction's joins, sorts and index builds use more memory than a server's default for any session.

    The smallest instance has 1 GB, and several tables are resolved at once.
    """
    cursor.execute(MEMORY)


def work_beside_others(cursor: Cursor) -> None:
    """``allow_memory`` where other tables are resolved at the same time: only large tables use parallel workers.

    For small ones these take a tenth more time of the processors, which the other tables need.
    """
    cursor.execute(_BESIDE_OTHERS)


def sizes(cursor: Cursor, run: Run, table: Table) -> tuple[int, int]:
    """The bytes of the table and of its shadow."""
    cursor.execute(_SIZES, (ddl.qualified(table), run.shadow(table)))
    stored, loaded = one_row(cursor)
    return stored, loaded


def state_if_compared_whole(cursor: Cursor, run: Run, table: Table) -> State | None:
    """The table's state, which costs a scan, if comparing the run's rows with it reads most of it."""
    stored, loaded = sizes(cursor, run, table)
    return observe(cursor, table) if stored <= _SHARE * loaded else None


def stores_as_given(cursor: Cursor, table: Table) -> bool:
    """Whether the table stores rows as they are inserted: no trigger or rule may change them.

    It remains so until the end of a transaction that has written to the table.
    """
    cursor.execute(_STORES_AS_GIVEN, (ddl.qualified(table),))
    return bool(one_row(cursor)[0])
