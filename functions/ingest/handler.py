"""Entry point of the ingest function: the routes that API Gateway sends here."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.database import Connection, get_db_resource, transaction
from dataforge.http import Kind, Request, Response, Router, json_response
from dataforge.http.strictjson import parse
from dataforge.settings import IngestSettings, read
from functions.ingest.batch import ingest
from functions.ingest.envelope import read_batch
from functions.ingest.ledger import Stored, check_key

logger, metrics, tracer = Logger(), Metrics(), Tracer()
router = Router(logger)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One request, as a proxy event of API Gateway."""
    return router.answer(event)


@router.route("GET", "/v1/health", least=None)
def get_health(request: Request) -> Response:
    """Whether the database answers."""
    with transaction(_database()) as cursor:
        cursor.execute("SELECT 1")
    return json_response({"status": "ok"})


@router.route("POST", "/v1/records", least=Kind.WRITER)
def post_records(request: Request) -> Response:
    """Store the valid records of a batch; report the others."""
    body = request.json_body()
    key = request.headers.get("idempotency-key")
    batch = read_batch(parse(body))
    answer = ingest(
        _database(), batch, owner=request.owner, key=None if key is None else check_key(key), body=body
    )
    if isinstance(answer, Stored):
        return Response(answer.status, answer.response)
    return Response(answer.status, answer.body)


def _database() -> Connection:
    return get_db_resource(read(IngestSettings))
