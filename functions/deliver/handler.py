"""Entry points of the deliver function: the routes for readers, and the hourly metrics."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import psycopg2.errors
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.api.site import INDEX
from dataforge.audit.entry import Entry
from dataforge.audit.recorder import append, recorder
from dataforge.aws.telemetry import entry_point, make_logger, make_metrics
from dataforge.errors import BelowQuality, InvalidRequest, TooSlow
from dataforge.http import Kind, Request, Response, Router, json_response
from dataforge.http.limits import CachedLimits
from dataforge.key_limits import KeyLimits
from dataforge.postgres.connection import single_statements, transaction, with_connection
from dataforge.postgres.key_limits import find_limits
from dataforge.postgres.visible_rows import require_declared
from dataforge.settings import HttpSettings, WatchSettings, read
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.datasets import DATASETS, DEFAULT, get_dataset
from functions.deliver import start_page
from functions.deliver.answers import JSON, cached_answer, page_answer
from functions.deliver.audit import audit_page
from functions.deliver.key_expiry import count_ending, publish_ending
from functions.deliver.quality.last_quality import LastQuality, last_quality
from functions.deliver.quality.report import DEFAULT_WINDOW, describe_quality, read_window
from functions.deliver.quality.score_metric import WINDOW, publish_scores
from functions.deliver.quality.sums import sum_facts
from functions.deliver.records.indexes import unindexed
from functions.deliver.records.page import Page, read_page
from functions.deliver.records.query import RecordQuery, read_parameters, read_query
from functions.deliver.tables import describe_tables

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


T = TypeVar("T")

SERVICE = "deliver"
logger = make_logger(SERVICE)
metrics = make_metrics(SERVICE)


def _read_limits(key_id: str) -> KeyLimits | None:
    return _select(lambda cursor: find_limits(cursor, key_id))


router = Router(logger, CachedLimits(_read_limits), recorder(HttpSettings))

# Imported objects are needed until the process ends, so the garbage collector does not scan them.
gc.freeze()


@entry_point(logger)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request, a proxy event of API Gateway."""
    return router.answer(event)


@entry_point(logger)
def watch(event: dict[str, Any], context: LambdaContext) -> None:
    """Sum quality facts by day, and publish scores and the number of keys that end soon. Runs every hour."""
    _select(sum_facts)
    window, days = read_window(WINDOW), read(WatchSettings).alarm_days
    datasets = _select(lambda cursor: [describe_quality(cursor, d, window) for d in DATASETS.values()])
    publish_scores(metrics, datasets)
    publish_ending(metrics, _select(lambda cursor: count_ending(cursor, days)))
    if metrics.metric_set:
        metrics.flush_metrics()


@entry_point(logger)
def record(event: dict[str, Any], context: LambdaContext) -> None:
    """Append an entry of the operations function to the audit."""
    append(Entry(**event))


@router.route("GET", "/v1", least=None)
def get_index(request: Request) -> Response:
    """Return the start page to browsers, and the paths of the API to other clients."""
    if "text/html" in request.headers.get("accept", "").lower():
        return start_page.page(request.path)
    return json_response(INDEX)


@router.route("GET", "/v1/page/{file}", least=None)
def get_page_file(request: Request) -> Response:
    """Return a static file of the start page."""
    return start_page.asset(request.parts["file"])


@router.route("GET", "/v1/tables", least=Kind.READER)
def get_tables(request: Request) -> Response:
    """Return the tables of a dataset that the key may use."""
    dataset = _permitted(request, _parameters(request, "dataset").get("dataset", DEFAULT))
    tables = list(dataset.tables.values())
    found = _select(lambda cursor: describe_tables(cursor, dataset, dataset.tables), tables)
    return _json(request, {"data": found})


def _permitted(request: Request, name: str) -> Dataset:
    """The dataset with the tables that the key may use. Raises ``OutsideLimits``, ``UnknownDataset``."""
    limits = request.limits
    limits.require(name)
    dataset = get_dataset(name)
    permitted = {table: found for table, found in dataset.tables.items() if limits.allows(name, table)}
    return dataset if len(permitted) == len(dataset.tables) else replace(dataset, tables=permitted)


def _name(request: Request) -> str:
    """The table's name, which a client may have percent-encoded in the path. No name of a table contains %."""
    return unquote(request.parts["table"])


@router.route("GET", "/v1/tables/{table}", least=Kind.READER)
def get_table(request: Request) -> Response:
    """Return one table."""
    name = _parameters(request, "dataset").get("dataset", DEFAULT)
    request.limits.require(name, _name(request))
    dataset = get_dataset(name)
    table = dataset.table(_name(request))
    (found,) = _select(lambda cursor: describe_tables(cursor, dataset, [table.name]), [table])
    return _json(request, found)


@router.route("GET", "/v1/tables/{table}/records", least=Kind.READER)
def get_records(request: Request) -> Response:
    """Return a page of a table's rows."""
    parameters = read_parameters(request.query)
    request.limits.require(parameters.dataset, _name(request))
    table = get_dataset(parameters.dataset).table(_name(request))
    query = read_query(table, parameters, request.query)
    page, quality, unindexed_columns = _select(lambda cursor: _page(cursor, query), [table])
    headers = {"Data-Quality": quality.header()}
    if unindexed_columns:
        headers["X-Filter-Unindexed"] = ", ".join(unindexed_columns)
    return page_answer(request, page, headers)


@router.route("GET", "/v1/quality", least=Kind.READER)
def get_quality(request: Request) -> Response:
    """Return the quality of one dataset, or of all that the key may use."""
    query = _parameters(request, "dataset", "window")
    names = [query["dataset"]] if "dataset" in query else filter(request.limits.allows, DATASETS)
    datasets = [_permitted(request, name) for name in names]
    given = query.get("window", DEFAULT_WINDOW)
    window = read_window(given)
    found = _select(lambda cursor: [describe_quality(cursor, dataset, window) for dataset in datasets])
    return _json(request, {"window": given, "data": found})


@router.route("GET", "/v1/audit", least=Kind.OPERATOR)
def get_audit(request: Request) -> Response:
    """Return a page of the audit."""
    parameters = request.single_query()
    if request.limits.datasets is not None:
        # A key of some datasets selects one of them.
        request.limits.require_all(parameters.get("dataset", "all datasets"))
    return Response(body=_select(lambda cursor: audit_page(cursor, parameters)))


def _page(cursor: Cursor, query: RecordQuery) -> tuple[Page, LastQuality, list[str]]:
    """The page, the table's last quality, and the filtered columns without an index. Raises ``BelowQuality``."""
    quality = last_quality(cursor, query.table)
    wanted = query.min_quality
    if wanted and (quality.score is None or quality.score < wanted):
        raise BelowQuality(query.table.name, quality.score, wanted)
    return read_page(cursor, query), quality, unindexed(cursor, query.table, query.filters)


def _parameters(request: Request, *names: str) -> dict[str, str]:
    """The query, which can have the parameters ``names`` only. Raises ``InvalidRequest``."""
    query = request.single_query()
    if query.keys() - set(names):
        raise InvalidRequest(f"This route takes only the parameters {', '.join(names)}.")
    return query


def _json(request: Request, document: Any) -> Response:
    return cached_answer(request, json.dumps(document, ensure_ascii=False).encode(), JSON, {})


def _select(work: Callable[[Any], T], tables: Sequence[Table] = ()) -> T:
    """Run ``work``, which only reads. Raises ``TableChanged`` if one of ``tables`` differs from its declaration."""

    def select(db: Connection) -> T:
        try:
            return read_statements(db)
        except psycopg2.ProgrammingError:
            with transaction(db) as cursor:
                require_declared(cursor, tables)
            raise

    def read_statements(db: Connection) -> T:
        with single_statements(db) as cursor:
            try:
                return work(cursor)
            except psycopg2.errors.QueryCanceled:
                raise TooSlow from None

    return with_connection(read(HttpSettings), select)
