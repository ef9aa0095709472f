"""Entry points of the migration's two functions: ``control`` for the steps, ``load`` for the workers."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.clients import WORKER, make_client
from dataforge.aws.failures import as_step, caught, ended
from dataforge.aws.telemetry import entry_point, make_logger, make_metrics, make_tracer
from dataforge.errors import DataForgeError, Temporary
from dataforge.postgres.connection import get_db_resource, transaction
from dataforge.settings import MigrationSettings, read
from functions.migrate.lifecycle.abandon import abandon
from functions.migrate.lifecycle.begin import begin, release
from functions.migrate.load.load import load_chunk, scan_range
from functions.migrate.plan.plan import plan
from functions.migrate.publish.publish import publish, reconcile
from functions.migrate.report.report import report
from functions.migrate.resolve.resolve import settle
from functions.migrate.run.step_times import note_step
from functions.migrate.run.work_items import LoadItem, ScanItem
from functions.migrate.scan.cut import cut

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


SERVICE = "migrate"
logger, metrics, tracer = make_logger(SERVICE), make_metrics(SERVICE), make_tracer(SERVICE)


@cache
def _s3() -> S3Client:
    """S3's client; making one takes longer than most of its calls."""
    return make_client("s3", WORKER)


@entry_point(logger, tracer)
def control(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One step of the state machine, named by ``event["step"]``; its result is the state's result."""
    settings, event = read(MigrationSettings), as_step(event)
    logger.append_keys(step=event["step"], migration_id=event.get("migration_id"))
    if event["step"] == "explain":
        # The run could not be abandoned. This needs no database.
        return caught(_s3(), settings.report_bucket, event["execution"], event["error"]).as_answer()
    db, started = get_db_resource(settings), time.perf_counter()
    result = _step(event, settings, db, _s3())
    note_step(db, event, result, time.perf_counter() - started)
    logger.info("step done")
    return result


def _step(event: dict[str, Any], settings: MigrationSettings, db: Connection, s3: S3Client) -> dict[str, Any]:
    match event:
        case {"step": "begin", "execution": execution, "started": started, "input": document}:
            return begin(db, execution, started, document, event.get("dead", ""))
        case {"step": "plan", "migration_id": run_id}:
            return plan(db, s3, settings, run_id)
        case {"step": "cut", "migration_id": run_id}:
            return cut(db, s3, settings, run_id)
        case {"step": "settle", "migration_id": run_id, "table": table}:
            return settle(db, s3, run_id, table)
        case {"step": "reconcile", "migration_id": run_id}:
            return reconcile(db, s3, run_id)
        case {"step": "publish", "migration_id": run_id, "execution": execution}:
            return dict(publish(db, run_id, execution))
        case {"step": "report", "migration_id": run_id}:
            return report(db, s3, settings, run_id)
        case {"step": "abandon", "execution": execution, "error": error}:
            return dict(abandon(db, s3, settings, execution, error))
        case {"step": "release", "execution": execution, "status": status}:
            reason = ended(s3, settings.report_bucket, event)
            return {"migration_id": release(db, execution, status.lower(), reason.error, reason.cause)}
    raise ValueError(f"unknown step {event['step']!r}")


@entry_point(logger, tracer)
def load(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Scan or load one item of a Distributed Map. Returns nothing that the state would have to carry."""
    settings = read(MigrationSettings)
    item = LoadItem.model_validate(event) if event["step"] == "load" else ScanItem.model_validate(event)
    logger.append_keys(step=event["step"], migration_id=item.migration_id, chunk=item.chunk)
    db, s3 = get_db_resource(settings), _s3()
    try:
        if isinstance(item, LoadItem):
            _load(db, s3, settings, item)
        else:
            scan_range(db, s3, item)
    except Temporary:
        raise
    except DataForgeError as error:
        _note(get_db_resource(settings), item, error)
        raise
    return {}


def _load(db: Connection, s3: S3Client, settings: MigrationSettings, item: LoadItem) -> None:
    tallies = load_chunk(db, s3, item)
    for name, tally in tallies.items():
        metrics.add_metric("RowsRead", MetricUnit.Count, tally.read)
        metrics.add_metric("RowsRejected", MetricUnit.Count, tally.rejected)
        done = f"{item.progress}{name}/{item.chunk}-{item.end - item.start}-{tally.read}-{tally.rejected}"
        s3.put_object(Bucket=settings.report_bucket, Key=done, Body=b"")
    if tallies:
        metrics.flush_metrics()
    logger.info("chunk loaded", extra={"bytes": item.end - item.start})


def _note(db: Connection, item: ScanItem, error: DataForgeError) -> None:
    """Leave the reason in the ledger, where the failing execution finds it."""
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET error = %s, cause = %s WHERE migration_id = %s AND chunk = %s",
            (type(error).__name__, str(error), item.migration_id, item.chunk),
        )
