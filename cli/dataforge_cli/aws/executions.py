"""Start, find, describe and stop executions of a state machine."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from dataforge.aws.failures import explain_end
from dataforge.runs.ids import LEEWAY, may_be, new_id, time_of
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.failures import error_code
from dataforge_cli.errors import ExecutionFailed, UnknownExecution

RUNNING, SUCCEEDED = "RUNNING", "SUCCEEDED"
_UNKNOWN = {"ExecutionDoesNotExist", "InvalidArn"}


@dataclass(frozen=True)
class Execution:
    """An execution as Step Functions describes it; ``output`` is None unless it succeeded."""

    arn: str
    name: str
    status: str
    started: datetime
    input: dict[str, Any]
    output: dict[str, Any] | None
    error: str
    cause: str

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.status == RUNNING

    @property
    def failure(self) -> ExecutionFailed | None:
        """The error if it ended without success."""
        if self.status in {RUNNING, SUCCEEDED}:
            return None
        failure = explain_end(self.status, self.error, self.cause)
        return ExecutionFailed(self.arn, failure.error, failure.cause)


def _object(text: str) -> dict[str, Any]:
    """Parse a JSON object. Returns an empty one for other input."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def start(deployment: Deployment, machine: str, document: dict[str, Any]) -> str:
    """Start an execution named by its run's id, and return its ARN."""
    name = new_id(datetime.now(UTC), secrets.token_hex(16))
    document = document | deployment.stated_identity
    answer = deployment.states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(document))
    return answer["executionArn"]


def describe(deployment: Deployment, arn: str) -> Execution:
    """Describe the execution. Raises ``UnknownExecution``."""
    try:
        found = deployment.states.describe_execution(executionArn=arn)
    except ClientError as error:
        if error_code(error) in _UNKNOWN:
            raise UnknownExecution(name_of(arn), deployment.name) from error
        raise
    return Execution(
        arn=arn,
        name=name_of(arn),
        status=found["status"],
        started=found["startDate"],
        input=_object(found.get("input", "")),
        output=json.loads(found["output"]) if found["status"] == SUCCEEDED else None,
        error=found.get("error", ""),
        cause=found.get("cause", ""),
    )


def find(deployment: Deployment, machine: str, word: str) -> str:
    """Return the ARN of the machine's execution with this ARN, name or run id.

    Raises ``UnknownExecution``. A name is not checked until it is described.
    """
    prefix = machine.replace(":stateMachine:", ":execution:") + ":"
    if word.startswith("arn:"):
        if not word.startswith(prefix):
            raise UnknownExecution(word, deployment.name)
        return word
    time = time_of(word)
    if time is None:
        return prefix + word
    for arn, started in _newest_first(deployment, machine):
        if may_be(word, arn, started):
            return arn
        if started < time - LEEWAY:
            break
    # A new execution may not be listed yet.
    return prefix + word


def newest(deployment: Deployment, machine: str) -> str | None:
    """Return the ARN of the machine's newest execution, or None."""
    return next((arn for arn, _ in _newest_first(deployment, machine)), None)


def running(deployment: Deployment, machine: str) -> list[str]:
    """Return the ARNs of the machine's running executions, newest first."""
    pages = deployment.states.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="RUNNING"
    )
    return [item["executionArn"] for page in pages for item in page["executions"]]


def _newest_first(deployment: Deployment, machine: str) -> Iterator[tuple[str, datetime]]:
    pages = deployment.states.get_paginator("list_executions").paginate(stateMachineArn=machine)
    for page in pages:
        for item in page["executions"]:
            yield item["executionArn"], item["startDate"]


def stop(deployment: Deployment, arn: str) -> None:
    """Stop the execution. The app then releases its leases."""
    deployment.states.stop_execution(executionArn=arn, error="Stopped", cause="Stopped by `dataforge stop`.")


def name_of(arn: str) -> str:
    """Return the name in an execution's ARN."""
    return arn.rpartition(":")[2]
