"""Entry point of the ingest function: the routes that API Gateway sends here."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.api.batch import Batch, read_batch
from dataforge.api.body import read_query
from dataforge.audit.recorder import recorder
from dataforge.aws.telemetry import entry_point, make_logger, make_metrics
from dataforge.defaults import IDEMPOTENCY_HOURS
from dataforge.errors import InvalidRequest, NotFound
from dataforge.http import Kind, Request, Response, Router, json_response
from dataforge.http.idempotency import REPLAYED, check_key
from dataforge.http.limits import CachedLimits
from dataforge.http.strictjson import parse
from dataforge.key_limits import KeyLimits
from dataforge.postgres.connection import transaction, with_connection
from dataforge.postgres.key_limits import find_limits
from dataforge.s3 import rejected_texts
from dataforge.s3.rejected_texts import Location
from dataforge.settings import IngestSettings, read
from functions.ingest import docs_page, ledger
from functions.ingest.batch import ingest
from functions.ingest.listing import RejectionQuery, list_rejections
from functions.ingest.rejected import TextStore, put_into, report_s3
from functions.ingest.telemetry import publish_metrics
from functions.ingest.visible_rejections import visible_to

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


T = TypeVar("T")

SERVICE = "ingest"
logger = make_logger(SERVICE)
metrics = make_metrics(SERVICE)


def _read_limits(key_id: str) -> KeyLimits | None:
    return _with_database(lambda db: _select(db, lambda cursor: find_limits(cursor, key_id)))


router = Router(logger, CachedLimits(_read_limits), recorder(IngestSettings))

# Imported objects are needed until the process ends, so the garbage collector does not scan them.
gc.freeze()


@entry_point(logger)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request, a proxy event of API Gateway."""
    return router.answer(event)


@router.route("GET", "/v1/health", least=None)
def get_health(request: Request) -> Response:
    """Check that the database responds."""
    _with_database(lambda db: _select(db, lambda cursor: cursor.execute("SELECT 1")))
    return json_response({"status": "ok"})


@router.route("POST", "/v1/records", least=Kind.WRITER)
def post_records(request: Request) -> Response:
    """Store the valid records of a batch, and report the others."""
    started = time.perf_counter()
    body = request.json_body()
    key = request.headers.get("idempotency-key")
    claim = None if key is None else ledger.Claim.of(request.owner, key, body)
    batch = _read_batch(request, body)
    settings = read(IngestSettings)
    texts = TextStore(put_into(settings.report_bucket), settings.rejected_text_bytes)
    answer = _with_database(
        lambda db: ingest(db, batch, claim, texts, request.api_key_id), repeatable=claim is not None
    )
    if isinstance(answer, ledger.Stored):
        logger.info("answer repeated", extra={"batch_id": answer.batch_id})
        return Response(answer.status, answer.body, headers=REPLAYED)
    publish_metrics(metrics, answer, request.id, (time.perf_counter() - started) * 1000)
    return Response(answer.status, answer.body)


def _read_batch(request: Request, body: bytes) -> Batch:
    """The batch in the body, of tables that the key may use."""
    document = parse(body)
    request.limits.require_named(document)
    batch = read_batch(document)
    request.limits.require(batch.dataset, *{record["table"] for record in batch.records})
    return batch


@router.route("GET", "/v1/batches", least=Kind.WRITER)
def get_batch(request: Request) -> Response:
    """Return the stored answer of a batch with an idempotency key."""
    query = request.single_query()
    if query.keys() != {"idempotency_key"}:
        raise InvalidRequest("This route takes exactly one parameter, idempotency_key.")
    key = check_key(query["idempotency_key"])
    stored = _with_database(
        lambda db: _select(db, lambda cursor: ledger.find_answer(cursor, request.owner, key))
    )
    if stored is None:
        raise NotFound(
            f"No batch with this idempotency key was answered in the last {IDEMPOTENCY_HOURS} hours."
        )
    request.limits.require_stored(stored.dataset, stored.tables)
    return Response(body=stored.body)


@router.route("GET", "/v1/rejections", least=Kind.WRITER)
def get_rejections(request: Request) -> Response:
    """Return a page of rejected records, oldest first: to a writer, of those that its key sent."""
    query = read_query(RejectionQuery, request.single_query())
    if query.dataset is not None:
        request.limits.require(query.dataset, *filter(None, [query.table]))
    visible = visible_to(request.kind, request.api_key_id, request.limits)
    bucket = read(IngestSettings).report_bucket

    def read_located(locations: list[Location]) -> dict[Location, str | None]:
        return dict(rejected_texts.read(report_s3(), bucket, locations))

    return Response(
        body=_with_database(
            lambda db: _select(db, lambda cursor: list_rejections(cursor, query, visible, read_located))
        )
    )


@router.route("GET", "/v1/openapi.json", least=None)
def get_openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return docs_page.openapi()


@router.route("GET", "/v1/docs", least=None)
def get_docs(request: Request) -> Response:
    """Return the documentation page."""
    return docs_page.page(request.path)


@router.route("GET", "/v1/docs/{file}", least=None)
def get_docs_file(request: Request) -> Response:
    """Return a static file of the documentation page."""
    return docs_page.asset(request.parts["file"])


def _select(db: Connection, work: Callable[[Any], T]) -> T:
    with transaction(db) as cursor:
        return work(cursor)


def _with_database(work: Callable[[Connection], T], *, repeatable: bool = True) -> T:
    return with_connection(read(IngestSettings), work, repeatable=repeatable)
