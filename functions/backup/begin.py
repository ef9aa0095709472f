"""First step of a backup: validate the input, take the leases, open the ledger row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.audit.entry import Entry, named
from dataforge.audit.operations import Operation
from dataforge.audit.record import record
from dataforge.postgres.connection import transaction
from dataforge.postgres.visible_rows import require_declared, require_sound
from dataforge.runs.ids import run_id as id_of
from dataforge.runs.lifecycle import close_dead_run, open_run
from functions.backup.run import BACKUPS, read_input

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


def begin(db: Connection, execution: str, started: str, document: Any, dead: str = "") -> dict[str, Any]:
    """Open a run for ``execution``. ``dead``: an execution that ended without releasing its leases.

    Returns its ``run_id``, the ``dataset``, the ``backup_id`` to make or verify, what to do (``backup``, ``verify``), and
    ``holder``: "", or the execution that holds one of the leases, in which case nothing was changed. Idempotent.
    Raises ``InvalidInput`` and its subclasses.
    """
    request, dataset, tables = read_input(document)
    run_id, backs_up = id_of(execution, started), not request.verify_only
    close_dead_run(db, BACKUPS, dead)
    row = {
        "run_id": run_id,
        "execution": execution,
        "dataset": dataset.name,
        "tables": tables,
        "backup_id": request.verify_only or run_id,
    }
    with transaction(db) as cursor:
        leased = tables if backs_up else []
        require_declared(cursor, map(dataset.table, leased))
        require_sound(cursor, map(dataset.table, leased))
        holder = open_run(cursor, BACKUPS, row, leased)
        if not holder:
            operation = Operation.BACKUP if backs_up else Operation.VERIFICATION
            what = {"backup_id": row["backup_id"], **named(tables)}
            record(cursor, Entry("started", execution, operation, dataset.name, what, request.requested_by))
    return {
        "run_id": run_id,
        "dataset": dataset.name,
        "backup_id": row["backup_id"],
        "backup": backs_up,
        "verify": request.verify,
        "holder": holder,
    }
