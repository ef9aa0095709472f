"""Entry point of the export function: the one step of the export's state machine."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.clients import worker_s3
from dataforge.aws.failures import explain_caught
from dataforge.aws.telemetry import entry_point, make_logger
from dataforge.postgres.connection import connect
from dataforge.runs.ids import run_id
from dataforge.runs.step_names import RunStep
from dataforge.settings import ExportSettings, read
from dataforge.tables.datasets import get_dataset
from functions.export.audit import ExportInput, record_end, record_failure, record_start
from functions.export.export import export

SERVICE = "export"
logger = make_logger(SERVICE)


@entry_point(logger)
def work(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Export a table and return {"export_id", "rows"}; the export's document is in the report bucket.

    Of a large table, a call writes some files and raises ``WorkContinues``.

    The step "explain" returns the public {"error", "cause"} of an error that the state machine caught.
    """
    execution = event.get("execution", "")
    if event.get("step") == RunStep.EXPLAIN:
        failure = explain_caught(event["error"])
        record_failure(execution, failure.error)
        return failure.as_answer()
    request = ExportInput.model_validate(event["input"])
    table = get_dataset(request.dataset).table(request.table)
    settings, export_id = read(ExportSettings), run_id(execution, event["started"])
    deadline = time.monotonic() + settings.attended_seconds
    with closing(connect(settings)) as db:
        record_start(db, execution, export_id, request)
        made = export(db, worker_s3(), settings, export_id, table, request.format, deadline)
        record_end(db, execution, made.rows)
    logger.info("exported", extra={"export_id": export_id, "rows": made.rows, "backup_id": made.backup_id})
    return {"export_id": export_id, "rows": made.rows}
