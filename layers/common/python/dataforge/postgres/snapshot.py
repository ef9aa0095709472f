"""Snapshots that several connections read by, and what must not happen to tables meanwhile.

A table that is swapped for another under a snapshot reads as empty by it: the new table's rows are all younger. So whoever
holds a snapshot first takes its dataset's advisory lock shared, and every swap takes it exclusively, in its transaction,
without waiting: whoever waited would make readers queue behind him for hours.
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
"""The lock's two keys, of 32 bits each: ours alone, and the dataset's."""

_ONE_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

_HOLDERS = Sql("""
    SELECT DISTINCT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = {} AND objid = hashtext(%s)::oid
      AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""").format(_CLASS)


def share_tables(cursor: Cursor, dataset: Dataset) -> None:
    """Keep the dataset's tables from being exchanged for as long as this session lives; then take the snapshot.

    Ends the transaction that is open: the snapshot must be younger than the lock. Closing the connection gives it back.
    """
    cursor.execute(Sql("SELECT pg_advisory_lock_shared{}").format(_KEY), (dataset.name,))
    cursor.connection.commit()


def export_new(cursor: Cursor, tables: Iterable[Table]) -> str:
    """Begin to read the state of this instant, in a new transaction; returns its id for ``read_as_of``.

    The tables are neither dropped nor altered until the transaction ends; rows may come and go.
    """
    cursor.execute(_ONE_INSTANT)
    _lock(cursor, tables)
    return _export(cursor)


def export_again(cursor: Cursor, tables: Iterable[Table], snapshot: str) -> str:
    """Go on with a snapshot that another transaction holds, in a new one, also when that one ends; returns the new id."""
    read_as_of(cursor, snapshot)
    _lock(cursor, tables)
    return _export(cursor)


def read_as_of(cursor: Cursor, snapshot: str) -> None:
    """Read what the exporter of the snapshot reads, in a new transaction.

    Raises psycopg2's ``InvalidParameterValue`` or ``UndefinedObject`` if the exporter's transaction is over.
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
    """Let no snapshot be held over the dataset's tables until this transaction ends; call it before any swap of them.

    Raises ``BackupRunning`` at once, naming who holds one. That may last for hours: a state machine waits for it with
    ``infra.workflow.steps.retry_patiently``.
    """
    cursor.execute(Sql("SELECT pg_try_advisory_xact_lock{}").format(_KEY), (dataset.name,))
    if not one_row(cursor)[0]:
        cursor.execute(_HOLDERS, (dataset.name,))
        raise BackupRunning(dataset.name, [name for (name,) in cursor.fetchall()])
