"""Entry points of the backup's functions: ``control`` takes steps, ``hold`` exports the snapshot, ``work`` handles files."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.clients import worker_s3
from dataforge.aws.metric_names import BACKUP as SERVICE
from dataforge.aws.metric_names import BACKUP_DAMAGED, BACKUP_VERIFIED, NAMESPACE
from dataforge.aws.telemetry import entry_point, make_logger
from dataforge.errors import DamagedBackup
from dataforge.postgres.connection import connect, get_db_resource, transaction
from dataforge.runs.step_names import BackupStep
from dataforge.runs.steps import Step, Steps, release, take_step
from dataforge.settings import BackupSettings, DatabaseSettings, read
from functions.backup.begin import begin
from functions.backup.close import abandon, close
from functions.backup.expire import delete_unfinished
from functions.backup.export_snapshot import export_snapshot
from functions.backup.plan import PageRange, plan
from functions.backup.run import BACKUPS, read_run
from functions.backup.sign import refuse_signature, sign_manifest, sign_verification
from functions.backup.trial_restore import trial_restore
from functions.backup.verification_result import validate
from functions.backup.verify import CheckItem, check_file, plan_checks
from functions.backup.write_file import write_file
from functions.backup.write_manifest import write_manifest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


logger = make_logger(SERVICE)


def _release(step: Step[BackupSettings]) -> dict[str, str | None]:
    run_id = release(step, BACKUPS)
    delete_unfinished(step.db, step.s3, step.settings, run_id)
    return {"run_id": run_id}


STEPS: Steps[BackupSettings] = {
    BackupStep.BEGIN: lambda s: begin(
        s.db, s.s3, s.settings, s.event.execution, s.event.started, s.event.input, s.event.dead
    ),
    BackupStep.PLAN: lambda s: plan(s.db, s.s3, s.settings, s.event.run_id),
    BackupStep.FINISH: lambda s: write_manifest(s.db, s.s3, s.settings, s.event.run_id),
    BackupStep.SIGN: lambda s: sign_manifest(s.db, s.s3, s.settings, s.event.run_id, s.event.mac),
    BackupStep.REFUSE_SIGNATURE: lambda s: refuse_signature(s.db, s.event.run_id),
    BackupStep.PLAN_CHECKS: lambda s: plan_checks(s.db, s.s3, s.settings, s.event.run_id),
    BackupStep.VALIDATE: lambda s: _validate(s.db, s.s3, s.settings, s.event.run_id),
    BackupStep.SIGN_VERIFICATION: lambda s: sign_verification(
        s.db, s.s3, s.settings, s.event.run_id, s.event.signature["sha256"], s.event.mac
    ),
    BackupStep.CLOSE: lambda s: close(s.db, s.s3, s.settings, s.event.run_id).document(),
    BackupStep.ABANDON: lambda s: abandon(s.db, s.s3, s.settings, s.event.execution, s.event.error),
    BackupStep.RELEASE: _release,
}


@entry_point(logger)
def control(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take one step of the state machine."""
    return take_step(
        event, kind=BACKUPS, steps=STEPS, settings=read(BackupSettings), s3=worker_s3(), logger=logger
    )


def _validate(db: Connection, s3: S3Client, settings: BackupSettings, run_id: str) -> dict[str, Any]:
    """Validate and count the result for the alarms. Only a new backup of all tables confirms the schedule."""
    with transaction(db) as cursor:
        dataset = read_run(cursor, run_id).dataset.name
    try:
        result = validate(db, s3, settings, run_id)
    except DamagedBackup:
        _count(BACKUP_DAMAGED, dataset)
        raise
    if result["new"]:
        _count(BACKUP_VERIFIED, dataset)
    return result


def _count(name: str, dataset: str) -> None:
    with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
        metric.add_dimension("dataset", dataset)


@entry_point(logger)
def hold(event: dict[str, Any], context: LambdaContext) -> dict[str, bool]:
    """Hold the run's snapshot for ``event["seconds"]``, or until the backup is written."""
    settings = read(DatabaseSettings)
    logger.append_keys(run_id=event["run_id"])
    with closing(connect(settings)) as exporter:
        return export_snapshot(get_db_resource(settings), exporter, event["run_id"], event["seconds"])


@entry_point(logger)
def work(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write or check one file, or restore the backup on trial. Results are in the ledger."""
    settings = read(BackupSettings)
    db, s3 = get_db_resource(settings), worker_s3()
    logger.append_keys(step=event["step"], run_id=event["run_id"])
    match event["step"]:
        case BackupStep.WRITE_FILE:
            item = PageRange.model_validate(event)
            rows = write_file(db, s3, settings, item)
            logger.info("file written", extra={"table": item.table, "part": item.part, "rows": rows})
        case BackupStep.CHECK_FILE:
            check_file(db, s3, settings, CheckItem.model_validate(event))
        case BackupStep.TRIAL_RESTORE:
            return dict(trial_restore(db, s3, settings, event["run_id"]))
    return {}
