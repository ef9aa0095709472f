"""Failures as Lambda and Step Functions report them, translated into stable codes and readable causes.

Functions, the command line, the API and the state machines' own last states use one table: ``dataforge.aws.situations``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from dataforge import errors
from dataforge.aws.situations import DIED, OUT_OF_MEMORY, SITUATIONS, TIMED_OUT, WORKER_FAILED, Situation
from dataforge.s3.keys import failure_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_CAUSE_LIMIT = 4_000
"""Step Functions takes 32,768 characters of cause; no reader needs as many."""


@dataclass(frozen=True)
class Failure:
    """Why a run ended without success: ``error`` is a stable code, ``cause`` says what happened and what to do."""

    error: str
    cause: str

    def as_answer(self) -> dict[str, str]:
        """The same as a step's answer."""
        return {"error": self.error, "cause": self.cause}


UNEXPECTED = errors.Unexpected.__name__
_NO_REASON = "No reason was given. The execution's history in the Step Functions console may have more."
_BY_NAME = {name: situation for situation in SITUATIONS for name in situation.names}
_BY_TEXT = ("timed out", TIMED_OUT), ("signal: killed", OUT_OF_MEMORY), ("outofmemory", OUT_OF_MEMORY)
"""Lambda reports a time-out or exhausted memory also under a general name, with a text that says which."""

LEFT_BEHIND = Failure(
    "LeftBehind",
    "The execution ended without releasing its tables; a later run found that, and released them.",
)

ABORTED, EXECUTION_TIMED_OUT = "ABORTED", "TIMED_OUT"


def explain(name: str, cause: str) -> Failure:
    """A caught error as a stable code and a cause. A Lambda function's cause is JSON around its message.

    The message of an exception that is not ours may quote a record, and is left out; the function's log has it.
    """
    document = _object(cause)
    name = str(document.get("errorType") or name or UNEXPECTED)
    message = str(document.get("errorMessage") or ("" if document else cause))
    if name in our_codes():
        return Failure(name, _shortened(message) or _NO_REASON)
    situation = _situation(name, message)
    if situation is not None:
        return Failure(situation.error, situation.cause)
    if "." in name:
        return Failure(UNEXPECTED, _shortened(f"AWS reported {name}: {message or _NO_REASON}"))
    where = f" under request id {document['requestId']}" if document.get("requestId") else ""
    return Failure(
        UNEXPECTED, f"A function failed with {name}, which is a defect. Its log has the details{where}."
    )


def explain_caught(error: Mapping[str, str]) -> Failure:
    """What a state caught: "Error", and "Cause"."""
    return explain(error.get("Error", ""), error.get("Cause", ""))


def explain_end(status: str, error: str, cause: str) -> Failure:
    """Why an execution ended that Step Functions reports as ``status``: FAILED, TIMED_OUT or ABORTED."""
    if status == EXECUTION_TIMED_OUT:
        return Failure("TimedOut", "The execution took longer than its state machine allows.")
    if status == ABORTED:
        return Failure(error or "Aborted", _shortened(cause) or "The execution was stopped.")
    return explain(error, cause)


@cache
def our_codes() -> frozenset[str]:
    """The codes with which a run of ours may fail."""
    return frozenset(_names(errors.DataForgeError)) | {situation.error for situation in SITUATIONS}


def hides_a_worker(name: str) -> bool:
    """Whether the error may be that of a map or branch, which does not tell the error of the worker that failed in it."""
    return name.startswith("States.")


def is_not_found(code: str) -> bool:
    """Whether a run failed because it was to be about something that does not exist, such as a backup's id."""
    kind = getattr(errors, code, None)
    return isinstance(kind, type) and getattr(kind, "status", None) == HTTPStatus.NOT_FOUND


def recorded_failure(s3: S3Client, bucket: str, execution: str) -> Failure | None:
    """The error that Step Functions recorded for a worker of the execution; None if there is none."""
    try:
        body = s3.get_object(Bucket=bucket, Key=failure_key(execution))["Body"].read()
    except s3.exceptions.ClientError:
        # A help, not the work: without it the failure is still explained, less well.
        return None
    recorded = _object(body.decode())
    return explain_caught({name: str(value) for name, value in recorded.items()})


def caught(s3: S3Client, bucket: str, execution: str, error: Mapping[str, str]) -> Failure:
    """What a state machine caught; if it was a Distributed Map's failure, the error of the item that failed."""
    name = error.get("Error", "")
    recorded = recorded_failure(s3, bucket, execution) if hides_a_worker(name) else None
    return recorded or explain_caught(error)


def ended(s3: S3Client, bucket: str, execution: str, status: str, error: Mapping[str, str]) -> Failure:
    """Why an execution ended; if workers failed, the recorded error of one of them."""
    failure = explain_end(status, error.get("Error", ""), error.get("Cause", ""))
    recorded = recorded_failure(s3, bucket, execution) if failure.error == WORKER_FAILED.error else None
    return recorded or failure


def _situation(name: str, message: str) -> Situation | None:
    if name in DIED.names:
        text = message.lower()
        return next((situation for sign, situation in _BY_TEXT if sign in text), DIED)
    return _BY_NAME.get(name)


def _object(text: str) -> dict[str, Any]:
    """The JSON object in the text, or in the JSON string in the text; else an empty one."""
    try:
        document = json.loads(text)
        document = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _names(error: type[errors.DataForgeError]) -> Iterator[str]:
    yield error.__name__
    for kind in error.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from _names(kind)


def _shortened(cause: str) -> str:
    """The cause, cut to a readable length."""
    return cause[:_CAUSE_LIMIT] + (" …" if len(cause) > _CAUSE_LIMIT else "")
