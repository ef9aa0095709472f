"""Entry points of the restore's two functions: ``control`` for the steps, ``work`` for files to load and parts to keep."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.clients import WORKER, make_client
from dataforge.aws.failures import as_step, caught, ended
from dataforge.aws.telemetry import entry_point, make_logger, make_metrics, make_tracer
from dataforge.errors import DataForgeError, Temporary
from dataforge.postgres.connection import get_db_resource
from dataforge.settings import RestoreSettings, read
from functions.restore.abandon import abandon
from functions.restore.begin import begin, release
from functions.restore.build import build, link
from functions.restore.check_backup import check
from functions.restore.check_restored import settle
from functions.restore.compare import compare
from functions.restore.finish import finish
from functions.restore.load import FileItem, load_file
from functions.restore.safety_backup import PartItem, keep_part, plan_parts
from functions.restore.swap import switch
from functions.restore.work_items import LOAD, note

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


SERVICE = "restore"
logger, metrics, tracer = make_logger(SERVICE), make_metrics(SERVICE), make_tracer(SERVICE)


@cache
def _s3() -> S3Client:
    """S3's client; making one takes longer than most of its calls."""
    return make_client("s3", WORKER)


@entry_point(logger, tracer)
def control(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One step of the state machine, named by ``event["step"]``; its result is the state's result."""
    settings, event = read(RestoreSettings), as_step(event)
    logger.append_keys(step=event["step"], restore_id=event.get("restore_id"))
    if event["step"] == "explain":
        # The run could not be abandoned. This needs no database.
        return caught(_s3(), settings.report_bucket, event["execution"], event["error"]).as_answer()
    result = _step(event, settings, get_db_resource(settings), _s3())
    logger.info("step done")
    return result


def _step(event: dict[str, Any], settings: RestoreSettings, db: Connection, s3: S3Client) -> dict[str, Any]:
    """A step of an execution, or of the restore that it has begun."""
    match event:
        case {"step": "begin", "execution": execution, "started": started, "input": document}:
            return dict(begin(db, s3, settings, execution, started, document, event.get("dead", "")))
        case {"step": "abandon", "execution": execution, "error": error}:
            return dict(abandon(db, s3, settings, execution, error))
        case {"step": "release", "execution": execution, "status": status}:
            reason = ended(s3, settings.report_bucket, event)
            run = release(db, execution, status.lower(), reason.error, reason.cause)
            return {"restore_id": run.id if run else None}
        case {"step": str(step), "restore_id": str(run_id)}:
            return _step_of_run(step, event, run_id, settings, db, s3)
    raise ValueError(f"unknown step {event['step']!r}")


def _step_of_run(
    step: str, event: dict[str, Any], run_id: str, settings: RestoreSettings, db: Connection, s3: S3Client
) -> dict[str, Any]:
    match step:
        case "check":
            return check(db, s3, settings, run_id)
        case "settle":
            return dict(settle(db, run_id, event["table"]))
        case "compare":
            return dict(compare(db, settings, run_id))
        case "build":
            return dict(build(db, run_id, event["table"]))
        case "link":
            return dict(link(db, run_id, event["table"]))
        case "switch":
            return dict(switch(db, run_id, event["execution"]))
        case "keep":
            return plan_parts(db, s3, settings, run_id)
        case "finish":
            return finish(db, s3, settings, run_id)
    raise ValueError(f"unknown step {step!r}")


@entry_point(logger, tracer)
def work(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Load or keep one item of a Distributed Map. Returns nothing that the state would have to carry."""
    settings = read(RestoreSettings)
    item = FileItem.model_validate(event) if event["step"] == LOAD else PartItem.model_validate(event)
    logger.append_keys(step=item.step, restore_id=item.restore_id, table=item.table, piece=item.piece)
    db, s3 = get_db_resource(settings), _s3()
    try:
        rows = load_file(db, s3, item) if isinstance(item, FileItem) else keep_part(db, s3, item)
    except Temporary:
        raise
    except DataForgeError as error:
        note(get_db_resource(settings), item, error)
        raise
    if rows and item.step == LOAD:
        metrics.add_metric("RowsRestored", MetricUnit.Count, rows)
        metrics.flush_metrics()
    logger.info("piece done", extra={"rows": rows})
    return {}
