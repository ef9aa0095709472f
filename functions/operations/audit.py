"""Audit of the operations function, which has no database: another function records its entries.

Lambda queues the invocation and repeats it for hours, so that an entry is not lost while the database is unavailable.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from dataforge.audit.entry import Entry, log
from dataforge.audit.requests import operation_of, refused_entry
from dataforge.aws.clients import CALLER, make_client
from dataforge.errors import DataForgeError
from dataforge.http import Request
from dataforge.settings import OperationsSettings, read

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def record_started(request: Request, run: str, document: dict[str, Any]) -> None:
    """Record that the key of the request started a run."""
    about = {"method": request.method, "route": request.path.rstrip("/"), "run": run}
    operation = operation_of(request.path)
    _send(Entry("started", request.api_key_id, operation, document["dataset"], about))


def record_refused(request: Request, route: str, error: DataForgeError) -> None:
    """Record that the key of the request may not use the route."""
    _send(refused_entry(request, route, error))


def _send(entry: Entry) -> None:
    """Queue the entry. If that fails, the log alone has it; the run and the answer are the same."""
    function = read(OperationsSettings).audit_function
    if not entry.principal:
        return
    try:
        _functions().invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(vars(entry)))
    except (BotoCoreError, ClientError):
        log(vars(entry))


@cache
def _functions() -> LambdaClient:
    return make_client("lambda", CALLER)
