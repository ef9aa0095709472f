"""Snapshots that several connections share, and their exclusion of swaps of tables.

After a swap, an older snapshot reads the table as empty, because all rows of the new table are younger. Therefore every
transaction that reads a snapshot locks the tables before it takes or imports the snapshot: either a swap has ended before
that, or it waits for the lock. A swap does not wait for such transactions, which it finds by their locks: readers
would queue behind it for hours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.errors import BackupRunning
from dataforge.postgres import ddl
from dataforge.postgres.roles import BACKUP, EXPORT
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Dataset, Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_ONE_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

_EXPORTERS = """
    SELECT DISTINCT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND a.usename = ANY(%s)
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.relation IN (
          SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s)) AND relkind IN ('r', 'p'))
    ORDER BY 1
"""
"""The sessions of backups and exports that use a table of the dataset."""


def export_new(cursor: Cursor, tables: Iterable[Table]) -> str:
    """Start a transaction that reads the current state, and return its snapshot's id for ``read_as_of``.

    The tables are neither dropped nor altered until the transaction ends; rows may change.
    """
    _begin(cursor, tables)
    return _export(cursor)


def export_again(cursor: Cursor, tables: Iterable[Table], snapshot: str) -> str:
    """Adopt the snapshot of another transaction in a new one, which keeps it after the other ends. Returns the new id."""
    read_as_of(cursor, tables, snapshot)
    return _export(cursor)


def read_as_of(cursor: Cursor, tables: Iterable[Table], snapshot: str) -> None:
    """Start a transaction that reads the tables in the state of the snapshot.

    Raises psycopg2's ``InvalidParameterValue`` or ``UndefinedObject`` if the exporter's transaction has ended.
    """
    _begin(cursor, tables)
    # The exporter has its locks now, and this transaction has its own: no swap was between snapshot and lock.
    cursor.execute("SET TRANSACTION SNAPSHOT %s", (snapshot,))


def _begin(cursor: Cursor, tables: Iterable[Table]) -> None:
    """Start the transaction with the locks. LOCK TABLE does not take a snapshot, the next statement does."""
    cursor.execute(_ONE_INSTANT)
    cursor.execute(
        Sql("LOCK TABLE {} IN ACCESS SHARE MODE").format(Sql(", ").join(map(ddl.qualified, tables)))
    )


def _export(cursor: Cursor) -> str:
    cursor.execute("SELECT pg_export_snapshot()")
    return str(one_row(cursor)[0])


def require_no_snapshot(cursor: Cursor, dataset: Dataset) -> None:
    """Raise ``BackupRunning`` if backups or exports read tables of the dataset, with their sessions. Call it before a swap.

    A state machine waits for hours with ``infra.workflow.steps.retry_patiently``. A snapshot that begins afterwards excludes
    the swap by its locks.
    """
    cursor.execute(_EXPORTERS, ([BACKUP, EXPORT], dataset.name))
    if sessions := [name for (name,) in cursor.fetchall()]:
        raise BackupRunning(dataset.name, sessions)
