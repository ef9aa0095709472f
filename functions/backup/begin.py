"""First step of a backup: validate the input, take the leases, open the ledger row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.audit.entry import Entry, named
from dataforge.audit.operations import Operation
from dataforge.audit.record import record
from dataforge.backups import manifest
from dataforge.backups.signatures import Selected
from dataforge.postgres.connection import transaction
from dataforge.postgres.visible_rows import require_declared, require_sound
from dataforge.runs.ids import run_id as id_of
from dataforge.runs.lifecycle import close_dead_run, open_run
from dataforge.settings import BackupSettings
from functions.backup.run import BACKUPS, BackupInput, read_input

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def begin(
    db: Connection,
    s3: S3Client,
    settings: BackupSettings,
    execution: str,
    started: str,
    document: Any,
    dead: str = "",
) -> dict[str, Any]:
    """Open a run for ``execution``. ``dead``: an execution that ended without releasing its leases.

    Returns its ``run_id``, the ``dataset``, the ``backup_id`` to make or verify, what to do (``backup``, ``verify``), and
    ``holder``: "", or the execution that holds one of the leases, in which case nothing was changed; to verify an existing
    backup, also whether it is ``signed``, and its ``signature`` to verify. Idempotent.
    Raises ``InvalidInput`` and its subclasses, ``UnsignedBackup``, ``DamagedBackup``.
    """
    request, dataset, tables = read_input(document)
    run_id, backs_up = id_of(execution, started), not request.verify_only
    close_dead_run(db, BACKUPS, dead)
    selected = None if backs_up else _select(s3, settings.backup_bucket, request)
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
        if selected is not None:
            cursor.execute(
                "UPDATE dataforge.backups SET manifest_version = %s, manifest_sha256 = %s WHERE run_id = %s",
                (*selected.stored.reference, run_id),
            )
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
        **(selected.answer() if selected is not None else {"signed": False}),
    }


def _select(s3: S3Client, bucket: str, request: BackupInput) -> Selected:
    """The backup to verify. Raises ``UnsignedBackup`` unless the input allows it."""
    stored = manifest.read_stored(s3, bucket, request.dataset, request.verify_only or "")
    return Selected.of(s3, bucket, stored, unsigned=request.unsigned)
