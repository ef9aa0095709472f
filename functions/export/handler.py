"""Entry point of the export function: the one step of the export's state machine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.api.exports import ExportRequest
from dataforge.aws.clients import worker_s3
from dataforge.aws.failures import explain_caught
from dataforge.aws.telemetry import entry_point, make_logger, make_tracer
from dataforge.postgres.connection import connect
from dataforge.runs.ids import run_id
from dataforge.runs.step_names import RunStep
from dataforge.settings import ExportSettings, read
from dataforge.tables.datasets import get_dataset
from functions.export.export import export

if TYPE_CHECKING:
    pass


SERVICE = "export"
logger, tracer = make_logger(SERVICE), make_tracer(SERVICE)


@entry_point(logger, tracer)
def work(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Export a table and return {"export_id", "rows"}; the export's document is in the report bucket.

    The step "explain" returns the public {"error", "cause"} of an error that the state machine caught.
    """
    if event.get("step") == RunStep.EXPLAIN:
        return explain_caught(event["error"]).as_answer()
    request = ExportRequest.model_validate(event["input"])
    table = get_dataset(request.dataset).table(request.table)
    settings, export_id = read(ExportSettings), run_id(event["execution"], event["started"])
    with closing(connect(settings)) as db:
        made = export(db, worker_s3(), settings, export_id, table, request.format)
    logger.info("exported", extra={"export_id": export_id, "rows": made.rows, "backup_id": made.backup_id})
    return {"export_id": export_id, "rows": made.rows}
