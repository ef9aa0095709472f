"""The first step: understand the input, find the backup, take the leases; and the end of a run that did not succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataforge.aws.failures import LEFT_BEHIND
from dataforge.errors import InvalidInput
from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.visible_rows import require_changeable
from dataforge.runs import leases
from dataforge.runs.ids import run_id
from dataforge.settings import RestoreSettings
from dataforge.tables.datasets import get_dataset
from functions.restore.request import RestoreInput, find_backup, read_input
from functions.restore.run import Run, read_run
from functions.restore.work_items import KEEP

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


def begin(
    db: Connection,
    s3: S3Client,
    settings: RestoreSettings,
    execution: str,
    started: str,
    document: Any,
    dead: str = "",
) -> dict[str, str]:
    """Open a restore for ``execution``; ``dead`` is a holder that was found not to run any more.

    Returns its ``restore_id``, ``holder`` ("" or the execution that holds one of the tables, in which case nothing was
    taken) and ``next``, the step to go on with. Repeating it is harmless. Raises ``InvalidInput`` and its kin.
    """
    request = read_input(document)
    if dead:
        release(db, dead, "stopped", LEFT_BEHIND.error, LEFT_BEHIND.cause)
    if request.finish:
        return _take_up(db, execution, request.finish)
    if request.undo:
        _check_kept(db, request.undo)
    restore_id = run_id(execution, started)
    found = find_backup(s3, settings.backup_bucket, request)
    tables = _in_order(request, [entry.table for entry in found.tables])
    dataset = get_dataset(request.dataset)
    with transaction(db, role=OWNER) as cursor:
        require_changeable(cursor, dataset, map(dataset.table, tables))
        holder = _take(cursor, execution, request.dataset, tables)
        if not holder:
            cursor.execute(
                "INSERT INTO dataforge.restores (restore_id, execution, dataset, tables, backup_id, dry_run)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (restore_id) DO NOTHING",
                (restore_id, execution, request.dataset, tables, found.backup_id, request.dry_run),
            )
    return {"restore_id": restore_id, "holder": holder, "next": "check"}


def _check_kept(db: Connection, restore_id: str) -> None:
    """What a restore replaced can be restored once it is in S3."""
    with transaction(db, role=OWNER) as cursor:
        cursor.execute("SELECT status FROM dataforge.restores WHERE restore_id = %s", (restore_id,))
        row = cursor.fetchone()
    if row == ("switched",):
        raise InvalidInput(
            f'The safety backup of restore {restore_id} is not written yet. Go on with {{"finish": "{restore_id}"}} first.'
        )


def _in_order(request: RestoreInput, held: list[str]) -> list[str]:
    """The tables to restore, each once; of a backup whose tables are not named, all."""
    return list(dict.fromkeys(request.wanted or held))


def _take(cursor: Cursor, execution: str, dataset: str, tables: list[str]) -> str:
    cursor.execute("SAVEPOINT leases")
    holder = leases.take(cursor, leases.WRITE, execution, dataset, tables)
    if holder:
        cursor.execute("ROLLBACK TO SAVEPOINT leases")
    return holder


def _take_up(db: Connection, execution: str, restore_id: str) -> dict[str, str]:
    """Go on, in this execution, with a restore whose safety backup is not yet written."""
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, restore_id)
        if run.status != "switched":
            raise InvalidInput(f"Restore {restore_id} cannot be finished: it is {run.status}.")
        holder = _take(cursor, execution, run.dataset.name, [table.name for table in run.tables])
        if not holder:
            cursor.execute(
                "UPDATE dataforge.restores SET execution = %s, error = NULL, cause = NULL WHERE restore_id = %s",
                (execution, restore_id),
            )
            # The files of a backup without a manifest are tidied away some day: they are written again, the same.
            cursor.execute(
                "UPDATE dataforge.restore_pieces SET result = NULL, error = NULL, cause = NULL"
                " WHERE restore_id = %s AND step = %s",
                (restore_id, KEEP),
            )
    return {"restore_id": restore_id, "holder": holder, "next": "keep"}


def release(db: Connection, execution: str, status: str, error: str = "", cause: str = "") -> Run | None:
    """Close the execution's restore if it is open: drop what it had loaded, give back its leases, note why.

    What was restored stays, and what it replaced is kept until it is in S3. Returns the restore, or None if the ledger has
    none. Repeating it is harmless.
    """
    with transaction(db, role=OWNER) as cursor:
        cursor.execute(
            "UPDATE dataforge.restores SET error = nullif(%s, ''), cause = nullif(%s, ''),"
            " status = CASE status WHEN 'switched' THEN status ELSE %s END,"
            " finished_at = CASE status WHEN 'switched' THEN NULL ELSE now() END"
            " WHERE execution = %s AND status IN ('running', 'switched')",
            (error, cause, status, execution),
        )
        cursor.execute("SELECT restore_id FROM dataforge.restores WHERE execution = %s", (execution,))
        row = cursor.fetchone()
        run = read_run(cursor, row[0]) if row else None
        if run:
            shadow.drop(cursor, run.id)
        if run and run.status != "switched":
            cursor.execute(f"DROP SCHEMA IF EXISTS {ddl.ident(run.kept_schema)} CASCADE")
        leases.release(cursor, execution)
    return run
