"""First step of a restore: validate the input, find the backup, take the leases; and the end of a run that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dataforge.audit.entry import Entry, named
from dataforge.audit.operations import Operation
from dataforge.audit.record import record
from dataforge.errors import InvalidInput
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.postgres.visible_rows import require_changeable
from dataforge.runs.ids import run_id
from dataforge.runs.lifecycle import close_dead_run, fail_run, open_run, resume_run, take_leases
from dataforge.runs.step_names import RestoreStep
from dataforge.settings import RestoreSettings
from dataforge.tables.datasets import get_dataset
from functions.restore.request import RestoreInput, read_input
from functions.restore.run import RESTORES, UNFINISHED, read_run
from functions.restore.select import find_backup, record_selection
from functions.restore.stored import tables_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def begin(
    db: Connection,
    s3: S3Client,
    settings: RestoreSettings,
    execution: str,
    started: str,
    document: Any,
    dead: str = "",
) -> dict[str, Any]:
    """Open a restore for ``execution``. ``dead``: an execution that ended without releasing its leases.

    Returns its ``restore_id``, ``holder`` ("", or the execution that holds one of the leases, in which case nothing was
    changed), ``next``, the step to continue with, and of the backup, whether it is ``signed``, and its ``signature`` to
    verify. Idempotent. Raises ``DamagedBackup``, ``UnsignedBackup``, ``InvalidInput`` and its subclasses.
    """
    request = read_input(document)
    close_dead_run(db, RESTORES, dead)
    if request.finish:
        return _resume(db, execution, request.finish, request)
    if request.undo:
        _require_safety_backup(db, request.undo)
    selected, skipped = find_backup(s3, settings.backup_bucket, request)
    backup = selected.stored.manifest
    dataset = get_dataset(request.dataset)
    present = {stored: name for name, stored in tables_in(backup).items()}
    stored = [present.get(entry.table, entry.table) for entry in backup.tables]
    tables = list(dict.fromkeys(request.wanted or stored))
    restore_id = run_id(execution, started)
    row = {
        "restore_id": restore_id,
        "execution": execution,
        "dataset": dataset.name,
        "tables": tables,
        "backup_id": backup.backup_id,
        "dry_run": request.dry_run,
    }
    with transaction(db, role=RESTORE_RUN) as cursor:
        require_changeable(cursor, dataset, map(dataset.table, tables))
        holder = open_run(cursor, RESTORES, row, tables)
        if not holder:
            what = {name: row[name] for name in ("restore_id", "backup_id", "dry_run")} | named(tables)
            record(cursor, _started(execution, dataset.name, what, request))
            record_selection(cursor, restore_id, selected, skipped)
    return {
        "restore_id": restore_id,
        "dataset": dataset.name,
        "holder": holder,
        "next": RestoreStep.CHECK,
        **selected.answer(),
    }


def _started(execution: str, dataset: str, what: Mapping[str, Any], request: RestoreInput) -> Entry:
    return Entry("started", execution, Operation.RESTORE, dataset, what, request.requested_by)


def _require_safety_backup(db: Connection, restore_id: str) -> None:
    """Raises ``InvalidInput`` if the safety backup of the restore is not in S3 yet."""
    with transaction(db, role=RESTORE_RUN) as cursor:
        cursor.execute("SELECT status FROM dataforge.restores WHERE restore_id = %s", (restore_id,))
        row = cursor.fetchone()
    if row == (UNFINISHED,):
        raise InvalidInput(
            f"The safety backup of restore {restore_id} is not written yet.",
            hint=f'Start a restore with {{"finish": "{restore_id}"}} first.',
        )


def _resume(db: Connection, execution: str, restore_id: str, request: RestoreInput) -> dict[str, Any]:
    """Continue, in this execution, a restore whose safety backup is not written yet."""
    with transaction(db, role=RESTORE_RUN) as cursor:
        run = read_run(cursor, restore_id)
        if run.status != UNFINISHED:
            raise InvalidInput(f"Restore {restore_id} cannot be finished: its status is {run.status}.")
        tables = [table.name for table in run.tables]
        holder = take_leases(cursor, RESTORES, execution, run.dataset.name, tables)
        if not holder:
            resume_run(cursor, RESTORES, restore_id, execution)
            what = {"restore_id": restore_id, "resumed": True}
            record(cursor, _started(execution, run.dataset.name, what, request))
            # Files of a backup without a manifest expire: they are written again, with the same content.
            cursor.execute(
                "UPDATE dataforge.restore_pieces SET result = NULL WHERE restore_id = %s AND step = %s",
                (restore_id, RestoreStep.SAFETY_BACKUP),
            )
    return {
        "restore_id": restore_id,
        "dataset": run.dataset.name,
        "holder": holder,
        "next": RestoreStep.SAFETY_BACKUP,
        "signed": False,
    }


def abandon(
    db: Connection, s3: S3Client, settings: RestoreSettings, execution: str, error: Mapping[str, str]
) -> dict[str, str]:
    """``fail_run``. Returns the "error" and "cause" that the execution fails with."""
    run_id, failure = fail_run(db, s3, settings.report_bucket, RESTORES, execution, error)
    cause = failure.cause
    with transaction(db, role=RESTORE_RUN) as cursor:
        run = read_run(cursor, run_id) if run_id else None
    if run and run.status == UNFINISHED:
        cause = (
            "The tables are restored, but the safety backup of the replaced tables is not written; they are in the schema"
            f' {run.replaced_schema}. Start {{"finish": "{run.id}"}} to write it. {cause}'
        )
    return {"error": failure.error, "cause": cause}
