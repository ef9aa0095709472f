"""Snapshots that several connections share, and the lock that excludes swaps of tables meanwhile.

After a swap, an older snapshot reads the table as empty, because all rows of the new table are younger. Therefore the
exporter of a snapshot first takes the dataset's advisory lock in shared mode. A swap takes it exclusively in its
transaction, without waiting: readers would queue behind a waiting swap for hours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.errors import BackupRunning
from dataforge.postgres import ddl
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Dataset, Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_CLASS = 1_207_312_311
_KEY = Sql("({}, hashtext(%s))").format(_CLASS)
"""The lock's two keys of 32 bits: Data Forge's constant, and the dataset's hash."""

_ONE_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

_HOLDERS = Sql("""
    SELECT DISTINCT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = {} AND objid = hashtext(%s)::oid
      AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""").format(_CLASS)


def share_tables(cursor: Cursor, dataset: Dataset) -> None:
    """Prevent swaps of the dataset's tables until this session ends. Call it before taking the snapshot.

    Commits the open transaction: the snapshot must be younger than the lock. Closing the connection releases the lock.
    """
    cursor.execute(Sql("SELECT pg_advisory_lock_shared{}").format(_KEY), (dataset.name,))
    cursor.connection.commit()


def export_new(cursor: Cursor, tables: Iterable[Table]) -> str:
    """Start a transaction that reads the current state, and return its snapshot's id for ``read_as_of``.

    The tables are neither dropped nor altered until the transaction ends; rows may change.
    """
    cursor.execute(_ONE_INSTANT)
    _lock(cursor, tables)
    return _export(cursor)


def export_again(cursor: Cursor, tables: Iterable[Table], snapshot: str) -> str:
    """Adopt the snapshot of another transaction in a new one, which keeps it after the other ends. Returns the new id."""
    read_as_of(cursor, snapshot)
    _lock(cursor, tables)
    return _export(cursor)


def read_as_of(cursor: Cursor, snapshot: str) -> None:
    """Start a transaction that reads the state of the snapshot.

    Raises psycopg2's ``InvalidParameterValue`` or ``UndefinedObject`` if the exporter's transaction has ended.
    """
    cursor.execute(_ONE_INSTANT)
    cursor.execute("SET TRANSACTION SNAPSHOT %s", (snapshot,))


def _lock(cursor: Cursor, tables: Iterable[Table]) -> None:
    cursor.execute(
        Sql("LOCK TABLE {} IN ACCESS SHARE MODE").format(Sql(", ").join(map(ddl.qualified, tables)))
    )


def _export(cursor: Cursor) -> str:
    cursor.execute("SELECT pg_export_snapshot()")
    return str(one_row(cursor)[0])


def exclude_snapshots(cursor: Cursor, dataset: Dataset) -> None:
    """Exclude snapshots of the dataset's tables until this transaction ends. Call it before a swap.

    Raises ``BackupRunning`` immediately, with the sessions that export one. A state machine waits for hours with
    ``infra.workflow.steps.retry_patiently``.
    """
    cursor.execute(Sql("SELECT pg_try_advisory_xact_lock{}").format(_KEY), (dataset.name,))
    if not one_row(cursor)[0]:
        cursor.execute(_HOLDERS, (dataset.name,))
        raise BackupRunning(dataset.name, [name for (name,) in cursor.fetchall()])
