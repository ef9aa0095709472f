"""Entry points of the migration's two functions: ``control`` takes a step, ``load`` processes a work item."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.clients import worker_s3
from dataforge.aws.telemetry import entry_point, make_logger, make_metrics
from dataforge.postgres.connection import get_db_resource, transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.sql import Sql
from dataforge.runs.lifecycle import fail_run, recording_failure
from dataforge.runs.progress import LoadedChunk
from dataforge.runs.step_names import MigrationStep
from dataforge.runs.steps import Steps, take_step
from dataforge.runs.unattended.work import Unattended
from dataforge.settings import MigrationSettings, read
from functions.migrate.lifecycle.begin import begin
from functions.migrate.lifecycle.resume import MIGRATIONS
from functions.migrate.publish.publish import publish
from functions.migrate.reconcile.reconcile import reconcile
from functions.migrate.report.report import report
from functions.migrate.resolve.resolve import resolve
from functions.migrate.run.rejections.limits import used_text
from functions.migrate.run.step_times import record_step
from functions.migrate.run.work_items import LoadItem, ScanItem
from functions.migrate.scan.cut import cut

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


SERVICE = "migrate"
REPORTED = ("QualityTooLow", "NotReconciled")
"""Errors that the run's report explains."""

logger, metrics = make_logger(SERVICE), make_metrics(SERVICE)


def fail(
    db: Connection, s3: S3Client, settings: MigrationSettings, execution: str, error: Mapping[str, str]
) -> dict[str, str]:
    """Close the run of a failed execution, and write its report if that explains the error.

    Returns the "error" and "cause" that the execution fails with.
    """
    run_id, failure = fail_run(db, s3, settings.report_bucket, MIGRATIONS, execution, error)
    cause = failure.cause
    if run_id and failure.error in REPORTED:
        cause += f" Report: {report(db, s3, settings, run_id).report}"
    return {"error": failure.error, "cause": cause}


def _plan(db: Connection, s3: S3Client, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    # With NumPy, which a further process for a table of the same wave does not need.
    from functions.migrate.plan.plan import plan  # noqa: PLC0415

    return plan(db, s3, settings, run_id)


def _resolve(
    db: Connection, s3: S3Client, settings: MigrationSettings, run_id: str, table: str, how: Unattended
) -> dict[str, Any]:
    resolved = resolve(db, s3, settings, run_id, table, how=how)
    if resolved["rejected"]:
        _measure_rejected_text(db, settings, run_id, MIGRATION_RUN)
        metrics.flush_metrics()
    return resolved


def _measure_rejected_text(
    db: Connection, settings: MigrationSettings, run_id: str, role: Sql | None = None
) -> None:
    """Add the metric of an alarm: the percentage of its budget that the rejected text of the run's dataset has used."""
    with transaction(db, role=role) as cursor:
        used = used_text(cursor, run_id)
    percent = 100 * used / max(settings.rejected_text_bytes, 1)
    metrics.add_metric("RejectedTextPercent", MetricUnit.Percent, percent)


STEPS: Steps[MigrationSettings] = {
    MigrationStep.BEGIN: lambda s: begin(
        s.db, s.event.execution, s.event.started, s.event.input, s.event.dead
    ),
    MigrationStep.PLAN: lambda s: _plan(s.db, s.s3, s.settings, s.event.run_id),
    MigrationStep.CUT: lambda s: cut(s.db, s.s3, s.settings, s.event.run_id),
    MigrationStep.RESOLVE: lambda s: _resolve(
        s.db, s.s3, s.settings, s.event.run_id, s.event.table, s.unattended
    ),
    MigrationStep.RECONCILE: lambda s: reconcile(s.db, s.s3, s.event.run_id, s.unattended),
    MigrationStep.PUBLISH: lambda s: publish(s.db, s.event.run_id, s.event.execution, s.unattended),
    MigrationStep.REPORT: lambda s: report(s.db, s.s3, s.settings, s.event.run_id).document(),
    MigrationStep.ABANDON: lambda s: fail(s.db, s.s3, s.settings, s.event.execution, s.event.error),
}


@entry_point(logger)
def control(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take one step of the state machine."""
    return take_step(
        event,
        kind=MIGRATIONS,
        steps=STEPS,
        settings=read(MigrationSettings),
        s3=worker_s3(),
        logger=logger,
        record=record_step,
    )


@entry_point(logger)
def load(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Scan or load one work item of a Distributed Map. Returns an empty object: the state needs no result.

    The step "start" is called before the run is planned, so that the process has started before its first item.
    """
    settings = read(MigrationSettings)
    if event["step"] == MigrationStep.START:
        _start(settings)
        return {}
    item = (
        LoadItem.model_validate(event)
        if event["step"] == MigrationStep.LOAD
        else ScanItem.model_validate(event)
    )
    logger.append_keys(step=event["step"], migration_id=item.migration_id, chunk=item.chunk)
    with recording_failure(settings, MIGRATIONS, item.migration_id, item.chunk):
        if isinstance(item, LoadItem):
            _load(get_db_resource(settings), worker_s3(), settings, item, context)
        else:
            from functions.migrate.scan.scan import scan_range  # noqa: PLC0415

            scan_range(get_db_resource(settings), worker_s3(), item)
    return {}


def _start(settings: MigrationSettings) -> None:
    """Import what a load and a scan need, and connect to PostgreSQL."""
    from functions.migrate.load.load import load_chunk  # noqa: F401, PLC0415
    from functions.migrate.scan.scan import scan_range  # noqa: F401, PLC0415

    worker_s3()
    get_db_resource(settings)


def _seconds_left(context: LambdaContext) -> float:
    """The seconds before Lambda stops the function; a direct call has no limit."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return math.inf if remaining is None else remaining() / 1000


def _load(
    db: Connection, s3: S3Client, settings: MigrationSettings, item: LoadItem, context: LambdaContext
) -> None:
    # With NumPy and Arrow, which the function ``control`` imports only for some files and for rejected rows.
    from functions.migrate.load.load import load_chunk  # noqa: PLC0415

    tallies = load_chunk(db, s3, settings, item, lambda: _seconds_left(context))
    for name, tally in tallies.items():
        metrics.add_metric("RowsRead", MetricUnit.Count, tally.read)
        metrics.add_metric("RowsRejected", MetricUnit.Count, tally.rejected)
        done = LoadedChunk(name, item.chunk, item.end - item.start, tally.read, tally.rejected)
        s3.put_object(Bucket=settings.report_bucket, Key=item.progress + done.name, Body=b"")
    if any(tally.rejected for tally in tallies.values()):
        _measure_rejected_text(db, settings, item.migration_id)
    if tallies:
        metrics.flush_metrics()
    logger.info("chunk loaded", extra={"bytes": item.end - item.start})
