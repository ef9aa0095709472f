"""Holding a snapshot for longer than a function lives.

Two holders take turns. Each reads by the other's snapshot, exports it anew and publishes the new id; their lives end at
different times, so at every end the other still holds. Whoever reads tries the published ids, the newest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg2

from dataforge.errors import Busy, SnapshotLost
from dataforge.postgres.connection import transaction, translated
from dataforge.postgres.snapshot import export_again, export_new, read_as_of, share_tables
from functions.backup.run import Run, read_run
from functions.backup.signals import signal, wait

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_GONE = (psycopg2.errors.UndefinedObject, psycopg2.errors.InvalidParameterValue)


def hold(db: Connection, holder: Connection, run_id: str, seconds: float) -> dict[str, bool]:
    """Hold the run's snapshot on ``holder``, a connection of its own, until the backup is written or ``seconds`` are over.

    Returns {"done": whether nobody needs it any more}. Raises ``SnapshotLost`` if there was one and nobody has it,
    ``Unavailable`` when a connection is lost.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
    if not run.is_running:
        return {"done": True}
    with translated(), holder.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", (f"backup {run_id}",))
        share_tables(cursor, run.dataset)
    snapshot = _publish(db, holder, run_id)
    if snapshot is None:
        return {"done": True}
    try:
        return {"done": wait(db, lambda cursor: not read_run(cursor, run_id).is_running, seconds, holder)}
    finally:
        if not db.closed:
            _withdraw(db, run_id, snapshot)


def _publish(db: Connection, holder: Connection, run_id: str) -> str | None:
    """Hold the run's snapshot and make it known; the first holder's instant is the backup's.

    None if the backup was written, by the other holder's snapshot, before this one came.
    """
    with transaction(db) as cursor, holder.cursor() as holding:
        run = read_run(cursor, run_id, lock=True)
        if not run.is_running:
            return None
        if run.created_at is None:
            snapshot = export_new(holding, run.tables)
            cursor.execute(
                "UPDATE dataforge.backups SET created_at = clock_timestamp() WHERE run_id = %s", (run_id,)
            )
        else:
            snapshot = _take_over(cursor, holder, holding, run)
        cursor.execute(
            "INSERT INTO dataforge.snapshots (run_id, snapshot) VALUES (%s, %s)", (run_id, snapshot)
        )
        signal(cursor)
    return snapshot


def _take_over(cursor: Cursor, holder: Connection, holding: Any, run: Run) -> str:
    for known in _published(cursor, run.id):
        try:
            return export_again(holding, run.tables, known)
        except _GONE:
            holder.rollback()
    raise SnapshotLost(run.id)


def _withdraw(db: Connection, run_id: str, snapshot: str) -> None:
    with transaction(db) as cursor:
        cursor.execute(
            "DELETE FROM dataforge.snapshots WHERE run_id = %s AND snapshot = %s", (run_id, snapshot)
        )


def _published(cursor: Cursor, run_id: str) -> list[str]:
    """The ids under which the run's snapshot may be held, newest first."""
    cursor.execute(
        "SELECT snapshot FROM dataforge.snapshots WHERE run_id = %s ORDER BY published_at DESC", (run_id,)
    )
    return [snapshot for (snapshot,) in cursor.fetchall()]


def is_held(cursor: Cursor, run_id: str) -> bool:
    """Whether the run's snapshot was published."""
    return bool(_published(cursor, run_id)) or not read_run(cursor, run_id).is_running


def read_by_snapshot(db: Connection, cursor: Cursor, run: Run) -> None:
    """Begin a transaction that reads the run's instant. Raises ``Busy`` in the moment in which nobody holds it."""
    for known in _published(cursor, run.id):
        db.rollback()
        try:
            read_as_of(cursor, known)
        except _GONE:
            continue
        return
    db.rollback()
    raise Busy(f"Nobody holds the snapshot of backup {run.id} at this moment.")
