"""Start executions of the state machines, and describe them for the API without internal details."""

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


# Error codes of Step Functions and of the embedded cloud. The ARN is always well-formed, so the name is unknown.
_UNKNOWN = {"ExecutionDoesNotExist", "InvalidArn", "InvalidName"}
_BUSY = {"ThrottlingException", "ServiceUnavailable", "InternalServerError", "ExecutionLimitExceeded"}
# An execution is named before it starts, by a clock that can be ahead.
_EARLIER = timedelta(minutes=2)

_UNFINISHED = {"RUNNING", "PENDING_REDRIVE"}
_STOPPED = ("Aborted", "The execution was stopped.")
_INTERNAL = (UNEXPECTED, "The execution failed for an internal reason, which is in its history.")


def start(states: SFNClient, machine: str, run: str, document: dict[str, Any]) -> None:
    """Start an execution named by its run id. Repeating it is harmless. Raises ``Unavailable``."""
    try:
        with reached():
            states.start_execution(stateMachineArn=machine, name=run, input=json.dumps(document))
    except ClientError as error:
        # An execution with this name has ended: this is a retry.
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise


def find(states: SFNClient, machine: str, run: str) -> dict[str, Any] | None:
    """The execution of the run as Step Functions describes it, or None if it does not exist or is older than 90 days.

    Raises ``Unavailable``.
    """
    prefix = machine.replace(":stateMachine:", ":execution:") + ":"
    found = _describe(states, prefix + run)
    if found is None:
        # Executions from the console, the schedule and the command line have other names.
        found = next((_describe(states, arn) for arn in _other_names(states, machine, run)), None)
    return found


def find_started(states: SFNClient, machine: str, run: str) -> dict[str, Any] | None:
    """Describe a run that was started over HTTP, whose execution has its name, or return None. Takes one call."""
    found = _describe(states, machine.replace(":stateMachine:", ":execution:") + f":{run}")
    return None if found is None else describe(run, found)


def count_running(states: SFNClient, machine: str, most: int) -> int:
    """The number of running executions of the machine, up to ``most``. Raises ``Unavailable``."""
    with reached():
        page = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING", maxResults=most)
    return len(page["executions"])


def _other_names(states: SFNClient, machine: str, run: str) -> Iterator[str]:
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


def describe(run: str, execution: dict[str, Any]) -> dict[str, Any]:
    """The API's document for an execution as Step Functions describes it."""
    match execution["status"]:
        case status if status in _UNFINISHED:
            return {"id": run, "status": "running"}
        case "SUCCEEDED":
            return {"id": run, "status": "succeeded", "output": json.loads(execution["output"])}
    error, cause = _reason(execution)
    return {"id": run, "status": "failed", "error": error, "cause": cause}


def _reason(execution: dict[str, Any]) -> tuple[str, str]:
    """Error and cause for clients, without internal details and without the text of an abort."""
    if execution["status"] == ABORTED:
        return _STOPPED
    failure = explain_end(execution["status"], execution.get("error", ""), execution.get("cause", ""))
    return _INTERNAL if failure.error == UNEXPECTED else (failure.error, failure.cause)


@contextmanager
def reached() -> Iterator[None]:
    """Raise ``Unavailable`` for temporary failures of Step Functions, which boto3 has already retried."""
    try:
        yield
    except (HTTPClientError, NotConnected) as error:
        raise Unavailable("Step Functions is unreachable.") from error
    except ClientError as error:
        if error.response["Error"]["Code"] in _BUSY:
            raise Unavailable("Step Functions is busy.") from error
        raise
