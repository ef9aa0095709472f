"""Entry points of the restore's functions: ``control`` takes the steps, ``work`` loads files and saves replaced tables."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.clients import worker_s3
from dataforge.aws.telemetry import entry_point, make_logger, make_metrics
from dataforge.backups.manifest import Reference
from dataforge.backups.signatures import Signature
from dataforge.postgres.connection import get_db_resource
from dataforge.runs.lifecycle import recording_failure
from dataforge.runs.step_names import RestoreStep
from dataforge.runs.steps import Steps, take_step
from dataforge.settings import RestoreSettings, read
from functions.restore.begin import abandon, begin
from functions.restore.build import build, link
from functions.restore.check_backup import check_backup
from functions.restore.compare import check_restored, compare
from functions.restore.finish import finish, write_manifest
from functions.restore.load import FileItem, load_file
from functions.restore.run import RESTORES
from functions.restore.safety_backup import PageRange, plan_safety_backup, save_pages
from functions.restore.select import select_older
from functions.restore.swap import swap

SERVICE = "restore"
logger, metrics = make_logger(SERVICE), make_metrics(SERVICE)


STEPS: Steps[RestoreSettings] = {
    RestoreStep.BEGIN: lambda s: begin(
        s.db, s.s3, s.settings, s.event.execution, s.event.started, s.event.input, s.event.dead
    ),
    RestoreStep.SELECT_OLDER: lambda s: select_older(s.db, s.s3, s.settings, s.event.run_id, s.event.input),
    RestoreStep.CHECK: lambda s: check_backup(
        s.db, s.s3, s.settings, s.event.run_id, Reference.of(s.event.signature) if s.event.signature else None
    ),
    RestoreStep.CHECK_RESTORED: lambda s: check_restored(s.db, s.event.run_id, s.event.table, s.unattended),
    RestoreStep.COMPARE: lambda s: compare(s.db, s.settings, s.event.run_id, s.unattended),
    RestoreStep.BUILD: lambda s: build(s.db, s.event.run_id, s.event.table, s.unattended),
    RestoreStep.LINK: lambda s: link(s.db, s.event.run_id, s.event.table, s.unattended),
    RestoreStep.SWAP: lambda s: swap(s.db, s.event.run_id, s.event.execution, s.unattended),
    RestoreStep.SAFETY_BACKUP: lambda s: plan_safety_backup(s.db, s.s3, s.settings, s.event.run_id),
    RestoreStep.WRITE_MANIFEST: lambda s: write_manifest(s.db, s.s3, s.settings, s.event.run_id),
    RestoreStep.FINISH: lambda s: finish(
        s.db, s.s3, s.settings, s.event.run_id, Signature.of(s.event.signature, s.event.mac)
    ).document(),
    RestoreStep.ABANDON: lambda s: abandon(s.db, s.s3, s.settings, s.event.execution, s.event.error),
}


@entry_point(logger)
def control(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take one step of the state machine."""
    return take_step(
        event, kind=RESTORES, steps=STEPS, settings=read(RestoreSettings), s3=worker_s3(), logger=logger
    )


@entry_point(logger)
def work(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Load one file of a backup, or write one file of the safety backup. Returns {}: the result is in the ledger."""
    settings = read(RestoreSettings)
    item = (
        FileItem.model_validate(event)
        if event["step"] == RestoreStep.LOAD
        else PageRange.model_validate(event)
    )
    logger.append_keys(step=item.step, restore_id=item.restore_id, table=item.table, piece=item.piece)
    with recording_failure(settings, RESTORES, *item.ledger_key):
        db = get_db_resource(settings)
        rows = (
            load_file(db, worker_s3(), item)
            if isinstance(item, FileItem)
            else save_pages(db, worker_s3(), item)
        )
    if rows and item.step == RestoreStep.LOAD:
        metrics.add_metric("RowsRestored", MetricUnit.Count, rows)
        metrics.flush_metrics()
    logger.info("work item done", extra={"rows": rows})
    return {}
