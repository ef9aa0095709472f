"""Translate failures that Lambda and Step Functions report into stable codes and readable causes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dataforge.aws.situations import (
    DIED,
    EXECUTION_ABORTED,
    EXECUTION_TIMED_OUT,
    NOT_PERMITTED,
    OUT_OF_MEMORY,
    SITUATIONS,
    TIMED_OUT,
    WORKER_FAILED,
    Situation,
)
from dataforge.errors import Unexpected
from dataforge.errors.codes import by_code
from dataforge.s3.keys import failure_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_CAUSE_LIMIT = 4_000
"""Characters. Step Functions accepts 32,768."""


@dataclass(frozen=True)
class Failure:
    """Why a run failed: ``error`` is a stable code, ``cause`` a text for people."""

    error: str
    cause: str

    def as_answer(self) -> dict[str, str]:
        """The answer of a step."""
        return {"error": self.error, "cause": self.cause}


UNEXPECTED = Unexpected.code
_NO_REASON = "No reason was reported. Hint: Open the history of the execution in the Step Functions console."
_BY_NAME = {name: situation for situation in SITUATIONS for name in situation.names}
_BY_TEXT = ("timed out", TIMED_OUT), ("signal: killed", OUT_OF_MEMORY), ("outofmemory", OUT_OF_MEMORY)
"""Lambda also reports a time-out or exhausted memory under a general name; then the text identifies it."""
_DENIED = "is not authorized to perform"
"""In the text of a denied call, for which each service has a general name, such as ``Lambda.AWSLambdaException``."""
TIMED_OUT_STATUS, ABORTED = "TIMED_OUT", "ABORTED"


def explain(name: str, cause: str) -> Failure:
    """A caught error as a stable code and a cause. The cause of a Lambda function is JSON that contains its message.

    The message of an exception that Data Forge does not define may quote a record and is left out.
    """
    document = _object(cause)
    name = str(document.get("errorType") or name or UNEXPECTED)
    message = str(document.get("errorMessage") or ("" if document else cause))
    if name in our_codes():
        return Failure(name, _shortened(message) or _NO_REASON)
    situation = _situation(name, message)
    if situation is not None:
        return Failure(situation.code, situation.cause)
    if "." in name:
        return Failure(UNEXPECTED, _shortened(f"AWS reported {name}: {message or _NO_REASON}"))
    where = f" under request id {document['requestId']}" if document.get("requestId") else ""
    return Failure(
        UNEXPECTED,
        f"A function failed with {name}, which is a defect. Hint: Read the log of the function{where}.",
    )


def explain_caught(error: Mapping[str, str]) -> Failure:
    """The failure that a state caught; ``error`` has "Error" and "Cause"."""
    return explain(error.get("Error", ""), error.get("Cause", ""))


def explain_end(status: str, error: str, cause: str) -> Failure:
    """The failure of an execution that Step Functions reports as ``status``: FAILED, TIMED_OUT or ABORTED."""
    if status == TIMED_OUT_STATUS:
        return Failure(EXECUTION_TIMED_OUT.code, EXECUTION_TIMED_OUT.cause)
    if status == ABORTED:
        return Failure(error or EXECUTION_ABORTED.code, _shortened(cause) or EXECUTION_ABORTED.cause)
    return explain(error, cause)


@cache
def our_codes() -> frozenset[str]:
    """The codes with which a run may fail."""
    return frozenset(by_code()) | {situation.code for situation in SITUATIONS}


def hides_a_worker(name: str) -> bool:
    """Whether the name is an error of a map or branch, which hides the error of the worker that failed."""
    return name.startswith("States.")


def is_not_found(code: str) -> bool:
    """Whether the code means that a dataset, table, backup or run does not exist."""
    error = by_code().get(code)
    return error is not None and error.status == HTTPStatus.NOT_FOUND


def recorded_failure(s3: S3Client, bucket: str, execution: str) -> Failure | None:
    """The error that Step Functions recorded for a worker of the execution, or None."""
    try:
        body = s3.get_object(Bucket=bucket, Key=failure_key(execution))["Body"].read()
    except s3.exceptions.ClientError:
        # Without the record the failure is still explained, with less detail.
        return None
    recorded = _object(body.decode())
    return explain_caught({name: str(value) for name, value in recorded.items()})


def caught(s3: S3Client, bucket: str, execution: str, error: Mapping[str, str]) -> Failure:
    """The failure that a state machine caught; if a Distributed Map failed, the error of the item that failed."""
    name = error.get("Error", "")
    recorded = recorded_failure(s3, bucket, execution) if hides_a_worker(name) else None
    return recorded or explain_caught(error)


def ended(s3: S3Client, bucket: str, execution: str, status: str, error: Mapping[str, str]) -> Failure:
    """The failure of an execution; if workers failed, the recorded error of one of them."""
    failure = explain_end(status, error.get("Error", ""), error.get("Cause", ""))
    recorded = recorded_failure(s3, bucket, execution) if failure.error == WORKER_FAILED.code else None
    return recorded or failure


def _situation(name: str, message: str) -> Situation | None:
    if name in DIED.names:
        text = message.lower()
        return next((situation for sign, situation in _BY_TEXT if sign in text), DIED)
    if "." in name and _DENIED in message:
        return NOT_PERMITTED
    return _BY_NAME.get(name)


def _object(text: str) -> dict[str, Any]:
    """The JSON object in the text, or in a JSON string in the text; otherwise an empty object."""
    try:
        document = json.loads(text)
        document = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _shortened(cause: str) -> str:
    return cause[:_CAUSE_LIMIT] + (" …" if len(cause) > _CAUSE_LIMIT else "")
