"""Hold a snapshot for longer than a function can run.

Two snapshot exporters alternate. Each imports the other's snapshot, exports it again and publishes the new id. They end at
different times, so that one of them always holds the snapshot. Readers try the published ids, the newest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2

from dataforge.errors import Busy, SnapshotLost
from dataforge.postgres.connection import transaction, translated
from dataforge.postgres.snapshot import export_again, export_new, read_as_of
from functions.backup.run import Run, read_run
from functions.backup.signals import signal, wait

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_EXPIRED = (psycopg2.errors.UndefinedObject, psycopg2.errors.InvalidParameterValue)


def export_snapshot(db: Connection, exporter: Connection, run_id: str, seconds: float) -> dict[str, bool]:
    """Hold the run's snapshot on the connection ``exporter`` until the backup is written or ``seconds`` have passed.

    Returns {"done": whether the snapshot is no longer needed}. Raises ``SnapshotLost`` if the run had a snapshot that no
    exporter holds, ``Unavailable`` when a connection is lost.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
    if not run.is_running:
        return {"done": True}
    with translated(), exporter.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", (f"backup {run_id}",))
        exporter.commit()
    snapshot = _publish(db, exporter, run_id)
    if snapshot is None:
        return {"done": True}
    try:
        return {"done": wait(db, lambda cursor: not read_run(cursor, run_id).is_running, seconds, exporter)}
    finally:
        if not db.closed:
            _withdraw(db, run_id, snapshot)


def _publish(db: Connection, exporter: Connection, run_id: str) -> str | None:
    """Export the run's snapshot and record its id; the first export is the instant of the backup.

    None if the backup was written meanwhile.
    """
    with transaction(db) as cursor, exporter.cursor() as exporting:
        run = read_run(cursor, run_id, lock=True)
        if not run.is_running:
            return None
        if run.created_at is None:
            snapshot = export_new(exporting, run.tables)
            cursor.execute(
                "UPDATE dataforge.backups SET created_at = clock_timestamp() WHERE run_id = %s", (run_id,)
            )
        else:
            snapshot = _import(cursor, exporter, exporting, run)
        cursor.execute(
            "INSERT INTO dataforge.snapshots (run_id, snapshot) VALUES (%s, %s)", (run_id, snapshot)
        )
        signal(cursor)
    return snapshot


def _import(cursor: Cursor, exporter: Connection, exporting: Any, run: Run) -> str:
    for known in _published(cursor, run.id):
        try:
            return export_again(exporting, run.tables, known)
        except _EXPIRED:
            exporter.rollback()
    raise SnapshotLost(f"backup {run.id}")


def _withdraw(db: Connection, run_id: str, snapshot: str) -> None:
    with transaction(db) as cursor:
        cursor.execute(
            "DELETE FROM dataforge.snapshots WHERE run_id = %s AND snapshot = %s", (run_id, snapshot)
        )


def _published(cursor: Cursor, run_id: str) -> list[str]:
    """The published ids of the run's snapshot, newest first."""
    cursor.execute(
        "SELECT snapshot FROM dataforge.snapshots WHERE run_id = %s ORDER BY published_at DESC", (run_id,)
    )
    return [snapshot for (snapshot,) in cursor.fetchall()]


def is_published(cursor: Cursor, run_id: str) -> bool:
    """Whether the run's snapshot is published, or the run has ended."""
    return bool(_published(cursor, run_id)) or not read_run(cursor, run_id).is_running


def read_by_snapshot(db: Connection, cursor: Cursor, run: Run) -> None:
    """Begin a transaction that reads the run's snapshot. Raises ``Busy`` while no exporter holds it."""
    for known in _published(cursor, run.id):
        db.rollback()
        try:
            read_as_of(cursor, run.tables, known)
        except _EXPIRED:
            continue
        return
    db.rollback()
    raise Busy(f"No exporter holds the snapshot of backup {run.id} at the moment.")
