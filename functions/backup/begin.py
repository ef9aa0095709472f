"""The first step: understand the input, take the leases, open the ledger; and how a run is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.aws.failures import LEFT_BEHIND
from dataforge.postgres.connection import transaction
from dataforge.postgres.visible_rows import require_declared, require_sound
from dataforge.runs import leases
from dataforge.runs.ids import run_id as id_of
from functions.backup.run import read_input
from functions.backup.signals import signal

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


def begin(db: Connection, execution: str, started: str, document: Any, dead: str = "") -> dict[str, Any]:
    """Open a run for ``execution``; ``dead`` is a holder that was found not to run any more.

    Returns its ``run_id``, the ``dataset`` and ``backup_id`` that it is about, what to do (``backup``, ``verify``), and
    ``holder``: "" or the execution that holds one of the tables, in which case nothing was taken. Repeating it is harmless.
    Raises ``InvalidInput`` and its kin.
    """
    request, dataset, tables = read_input(document)
    run_id, backs_up = id_of(execution, started), not request.verify_only
    backup_id = request.verify_only or run_id
    if dead:
        release(db, dead, "stopped", LEFT_BEHIND.error, LEFT_BEHIND.cause)
    with transaction(db) as cursor:
        targets = [dataset.table(name) for name in tables] if backs_up else []
        require_declared(cursor, targets)
        require_sound(cursor, targets)
        cursor.execute("SAVEPOINT leases")
        holder = leases.take(cursor, leases.BACKUP, execution, dataset.name, tables if backs_up else ())
        if holder:
            cursor.execute("ROLLBACK TO SAVEPOINT leases")
        else:
            cursor.execute(
                "INSERT INTO dataforge.backups (run_id, execution, dataset, tables, backup_id) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (run_id) DO NOTHING",
                (run_id, execution, dataset.name, tables, backup_id),
            )
    return {
        "run_id": run_id,
        "dataset": dataset.name,
        "backup_id": backup_id,
        "backup": backs_up,
        "verify": request.verify,
        "holder": holder,
    }


def release(db: Connection, execution: str, status: str, error: str = "", cause: str = "") -> str | None:
    """Close the execution's run if it is open, tell those who hold its snapshot, and give back its leases.

    Returns the run's id, or None if the ledger has none. Repeating it is harmless.
    """
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.backups SET status = CASE status WHEN 'running' THEN %s ELSE status END,"
            " error = nullif(%s, ''), cause = nullif(%s, ''), finished_at = now()"
            " WHERE execution = %s AND finished_at IS NULL",
            (status, error, cause, execution),
        )
        leases.release(cursor, execution)
        signal(cursor)
        cursor.execute("SELECT run_id FROM dataforge.backups WHERE execution = %s", (execution,))
        row = cursor.fetchone()
    return row[0] if row else None
