"""Executions of the state machines as the API tells them: started under an id, found by it, shown without the inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from dataforge.aws.failures import ABORTED, UNEXPECTED, explain_end
from dataforge.errors import Unavailable
from dataforge.runs.ids import may_be, time_of

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


# As classes of botocore and of the embedded cloud have it; an ARN is never malformed here, so it is a name that is none.
_UNKNOWN = {"ExecutionDoesNotExist", "InvalidArn", "InvalidName"}
_BUSY = {"ThrottlingException", "ServiceUnavailable", "InternalServerError", "ExecutionLimitExceeded"}
# An execution is named before it starts, by a clock that may be ahead.
_EARLIER = timedelta(minutes=2)

_UNFINISHED = {"RUNNING", "PENDING_REDRIVE"}
_STOPPED = ("Aborted", "It was stopped.")
_UNTOLD = (UNEXPECTED, "It failed for a reason that is not the caller's; the execution's history has it.")


def start(states: SFNClient, machine: str, run: str, document: dict[str, Any]) -> None:
    """Start an execution named by its run's id. Doing it twice is harmless. Raises ``Unavailable``."""
    try:
        with reached():
            states.start_execution(stateMachineArn=machine, name=run, input=json.dumps(document))
    except ClientError as error:
        # Of this name and over already: this is a retry.
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise


def find(states: SFNClient, machine: str, run: str) -> dict[str, Any] | None:
    """How the run of this id goes, or went; None if there is none, or it is more than 90 days ago.

    Raises ``Unavailable``.
    """
    prefix = machine.replace(":stateMachine:", ":execution:") + ":"
    found = _describe(states, prefix + run)
    if found is None:
        # It has another name: the console, the schedule or the command line started it.
        found = next((_describe(states, arn) for arn in _named_otherwise(states, machine, run)), None)
    return None if found is None else tell(run, found)


def find_started(states: SFNClient, machine: str, run: str) -> dict[str, Any] | None:
    """``find``, for a run that was started over HTTP: under its own name, which takes one call."""
    found = _describe(states, machine.replace(":stateMachine:", ":execution:") + f":{run}")
    return None if found is None else tell(run, found)


def count_running(states: SFNClient, machine: str, most: int) -> int:
    """How many runs of the machine are running, up to ``most``. Raises ``Unavailable``."""
    with reached():
        page = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=most)
    return len(page["executions"])


def _named_otherwise(states: SFNClient, machine: str, run: str) -> Iterator[str]:
    time = time_of(run)
    if time is None:
        return
    with reached():
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=machine):
            for item in page["executions"]:
                if item["startDate"] < time - _EARLIER:
                    return
                if may_be(run, item["executionArn"], item["startDate"]):
                    yield item["executionArn"]


def _describe(states: SFNClient, arn: str) -> dict[str, Any] | None:
    try:
        with reached():
            return dict(states.describe_execution(executionArn=arn))
    except ClientError as error:
        if error.response["Error"]["Code"] in _UNKNOWN:
            return None
        raise


def tell(run: str, execution: dict[str, Any]) -> dict[str, Any]:
    """An execution, as Step Functions describes it, as the API tells it."""
    match execution["status"]:
        case status if status in _UNFINISHED:
            return {"id": run, "status": "running"}
        case "SUCCEEDED":
            return {"id": run, "status": "succeeded", "output": json.loads(execution["output"])}
    error, cause = _reason(execution)
    return {"id": run, "status": "failed", "error": error, "cause": cause}


def _reason(execution: dict[str, Any]) -> tuple[str, str]:
    """Error and cause, without what AWS reported of the inside, and without what was written when it was stopped."""
    if execution["status"] == ABORTED:
        return _STOPPED
    failure = explain_end(execution["status"], execution.get("error", ""), execution.get("cause", ""))
    return _UNTOLD if failure.error == UNEXPECTED else (failure.error, failure.cause)


@contextmanager
def reached() -> Iterator[None]:
    """Step Functions' passing failures as ``Unavailable``. boto3 has tried several times by then."""
    try:
        yield
    except (HTTPClientError, NotConnected) as error:
        raise Unavailable("Step Functions is unreachable.") from error
    except ClientError as error:
        if error.response["Error"]["Code"] in _BUSY:
            raise Unavailable("Step Functions is busy.") from error
        raise
