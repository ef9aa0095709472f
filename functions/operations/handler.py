"""Entry point of the operations function: the routes of backups, restores and exports."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.api.body import read_query
from dataforge.api.exports import FilesQuery
from dataforge.aws.clients import CALLER, make_client
from dataforge.aws.telemetry import entry_point, make_logger
from dataforge.backups import listing
from dataforge.backups.key_service import make_verifier
from dataforge.backups.signatures import Verifier
from dataforge.defaults import EXECUTION_HISTORY_DAYS
from dataforge.errors import NotFound, TooManyExports
from dataforge.http import Kind, Request, Response, Router, json_response
from dataforge.http.idempotency import REPLAYED, check_key
from dataforge.http.limits import CachedLimits
from dataforge.http.strictjson import parse
from dataforge.key_limits import KeyLimits, parse_limits
from dataforge.runs.ids import new_id, time_of
from dataforge.s3.keys import key_limits_key
from dataforge.s3.objects import download
from dataforge.settings import OperationsSettings, read
from dataforge.tables.datasets import DATASETS
from functions.operations import claims, runs
from functions.operations.audit import record_refused, record_started
from functions.operations.cursor_keys import BucketKeys
from functions.operations.downloads import describe_export
from functions.operations.inputs import read_backup, read_export, read_restore
from functions.operations.listing import list_backups
from functions.operations.running_exports import Slot, claim_export

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient


SERVICE = "operations"
logger = make_logger(SERVICE)


def _read_limits(key_id: str) -> KeyLimits | None:
    document = download(_s3(), read(OperationsSettings).report_bucket, key_limits_key(key_id))
    return None if document is None else parse_limits(document)


router = Router(logger, CachedLimits(_read_limits), record_refused)


@entry_point(logger)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request, a proxy event of API Gateway."""
    return router.answer(event)


@router.route("POST", "/v1/backups", least=Kind.OPERATOR)
def post_backup(request: Request) -> Response:
    """Start a backup."""
    return _start(request, read(OperationsSettings).backup_arn, read_backup)


@router.route("GET", "/v1/backups", least=Kind.OPERATOR)
def get_backups(request: Request) -> Response:
    """Return a page of the backups of tables that the key may use, newest first."""
    return Response(
        body=list_backups(_s3(), _verifier(), _cursor_keys(), request.limits, request.single_query())
    )


@router.route("GET", "/v1/backups/{id}", least=Kind.OPERATOR)
def get_backup(request: Request) -> Response:
    """Return the status of a backup."""
    settings, run = read(OperationsSettings), request.parts["id"]
    found = _find(request, settings.backup_arn) or _finished_backup(request)
    if found is None:
        raise NotFound(f"Backup {run[:100]!r} does not exist.")
    return json_response(found)


@router.route("POST", "/v1/restores", least=Kind.OPERATOR)
def post_restore(request: Request) -> Response:
    """Start a restore, if the deployment enables this route."""
    settings = read(OperationsSettings)
    if not settings.restore_api:
        raise NotFound(
            "This deployment does not start restores over HTTP.",
            hint="Use `dataforge restore`, or deploy with -c restoreApi=true.",
        )
    return _start(request, settings.restore_arn, read_restore)


@router.route("GET", "/v1/restores/{id}", least=Kind.OPERATOR)
def get_restore(request: Request) -> Response:
    """Return the status of a restore."""
    run = request.parts["id"]
    found = _find(request, read(OperationsSettings).restore_arn)
    if found is None:
        raise NotFound(
            f"Restore {run[:100]!r} does not exist, or it is older than {EXECUTION_HISTORY_DAYS} days."
        )
    return json_response(found)


@router.route("POST", "/v1/exports", least=Kind.READER)
def post_export(request: Request) -> Response:
    """Start an export, or return the one that is running for this API key and table."""
    return _start(request, read(OperationsSettings).export_arn, read_export, _running_export)


@router.route("GET", "/v1/exports/{id}", least=Kind.READER)
def get_export(request: Request) -> Response:
    """Return the status of an export, and the URLs of its files."""
    settings, run = read(OperationsSettings), request.parts["id"]
    query = read_query(FilesQuery, request.single_query())
    found = _find(request, settings.export_arn)
    if found and found["status"] == "succeeded":
        output = describe_export(_s3(), settings.report_bucket, _cursor_keys(), run, query.cursor)
        found = found | {"output": output} if output else None
    if found is None:
        raise NotFound(f"Export {run[:100]!r} does not exist, or its files have expired.")
    return json_response(found)


ReadInput = Callable[[Any], dict[str, Any]]
Choose = Callable[[Request, dict[str, Any], str], str]
"""Choose the run id of a request from its input and a new id: the new one, or that of an existing run."""


def _start(
    request: Request, machine: str, read_input: ReadInput, choose: Choose = lambda *given: given[2]
) -> Response:
    document = _read_input(request, read_input)
    claim = _claim(request, document)
    bucket = read(OperationsSettings).report_bucket
    run = claims.find(_s3(), bucket, claim) if claim else None
    replayed = run is not None
    if run is None:
        chosen = choose(request, document, new_id(datetime.now(UTC), secrets.token_hex(16)))
        run = claims.resolve(_s3(), bucket, claim, chosen) if claim else chosen
        replayed = run != chosen
    runs.start(_states(), machine, run, document | {"requested_by": f"API key {request.api_key_id}"})
    record_started(request, run, document)
    logger.info("run started", extra={"machine": machine.rpartition(":")[2], "run": run})
    return _accepted(request, run, REPLAYED if replayed else {})


def _read_input(request: Request, read_input: ReadInput) -> dict[str, Any]:
    """The input of a run of tables that the key may use."""
    body = parse(request.json_body()) if request.body else {}
    request.limits.require_named(body)
    document = read_input(body)
    request.limits.require_input(document)
    return document


def _claim(request: Request, document: dict[str, Any]) -> claims.Claim | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    return claims.Claim(request.owner, request.path.rstrip("/"), check_key(key), document)


def _running_export(request: Request, document: dict[str, Any], fresh: str) -> str:
    settings = read(OperationsSettings)

    def is_running(run: str) -> bool | None:
        found = runs.find_started(_states(), settings.export_arn, run)
        return None if found is None else found["status"] == "running"

    def admit() -> None:
        most = settings.export_concurrency
        if runs.count_running(_states(), settings.export_arn, most) >= most:
            raise TooManyExports(most)

    slot = Slot.of(request.owner, document)
    return claim_export(_s3(), settings.report_bucket, slot, fresh, is_running, admit)


def _accepted(request: Request, run: str, headers: Mapping[str, str]) -> Response:
    answer = json_response({"id": run, "status": "running"}, HTTPStatus.ACCEPTED)
    return answer.with_headers({"Location": f"{request.path.rstrip('/')}/{run}", **headers})


def _find(request: Request, machine: str) -> dict[str, Any] | None:
    """The run that the path names, or None. Raises ``OutsideLimits`` if the key may not use all of its tables."""
    run = request.parts["id"]
    execution = runs.find(_states(), machine, run) if time_of(run) else None
    if execution is None:
        return None
    request.limits.require_input(json.loads(execution["input"]))
    return runs.describe(run, execution)


def _finished_backup(request: Request) -> dict[str, Any] | None:
    """A backup whose execution Step Functions no longer stores, from its manifest."""
    settings, run = read(OperationsSettings), request.parts["id"]
    if time_of(run) is None:
        return None
    for dataset in DATASETS:
        found = listing.read(_s3(), settings.backup_bucket, (run, dataset), _verifier())
        if found is not None:
            request.limits.require_all(dataset, found.tables)
            output = {"backup_id": run, "manifest": found.manifest}
            return {"id": run, "status": "succeeded", "output": output}
    return None


def _verifier() -> Verifier:
    settings = read(OperationsSettings)
    keys = (settings.manifest_signer, settings.verification_signer)
    return make_verifier(_kms(), settings.backup_bucket, *keys)


def _cursor_keys() -> BucketKeys:
    return BucketKeys(_s3(), read(OperationsSettings).report_bucket, datetime.now(UTC))


# Creating a client takes longer than most of its calls.
@cache
def _s3() -> S3Client:
    return make_client("s3", CALLER)


@cache
def _kms() -> Any:
    return make_client("kms", CALLER)


@cache
def _states() -> SFNClient:
    return make_client("stepfunctions", CALLER)
