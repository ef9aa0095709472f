"""Failures that AWS reports become a stable code and a cause."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.aws.failures import explain, explain_end, is_not_found, our_codes
from dataforge.aws.situations import SITUATIONS
from dataforge.s3.keys import failure_key

NAMES = sorted({name for situation in SITUATIONS for name in situation.names})


def from_lambda(kind: str, message: str) -> str:
    return json.dumps({"errorMessage": message, "errorType": kind, "requestId": "r-1", "stackTrace": ["x"]})


@pytest.mark.parametrize(
    ("name", "cause", "error"),
    [
        ("States.Timeout", "", "FunctionTimedOut"),
        (
            "Sandbox.Timedout",
            from_lambda("Sandbox.Timedout", "Task timed out after 900.00 s"),
            "FunctionTimedOut",
        ),
        ("Lambda.Unknown", "The cause could not be determined. Task timed out.", "FunctionTimedOut"),
        (
            "Runtime.ExitError",
            from_lambda("Runtime.ExitError", "exited: signal: killed"),
            "FunctionOutOfMemory",
        ),
        ("Runtime.OutOfMemory", "", "FunctionOutOfMemory"),
        ("MemoryError", from_lambda("MemoryError", ""), "FunctionOutOfMemory"),
        ("Runtime.ExitError", from_lambda("Runtime.ExitError", "Worker process exited"), "FunctionDied"),
        ("Lambda.TooManyRequestsException", "Rate Exceeded.", "Throttled"),
        ("Lambda.ServiceException", "", "LambdaUnavailable"),
        (
            "Lambda.AWSLambdaException",
            "User: arn:aws:sts::… is not authorized to perform: lambda:…",
            "NotPermitted",
        ),
        ("Kms.KmsException", "User: arn:aws:sts::… is not authorized to perform: kms:…", "NotPermitted"),
        ("States.DataLimitExceeded", "", "TooMuchData"),
        ("States.ExceedToleratedFailureThreshold", "The specified tolerated …", "WorkerFailed"),
        ("States.Runtime", "The JSONPath '$.x' …", "Unexpected"),
        ("S3.AccessDeniedException", "Access Denied", "Unexpected"),
        ("", "", "Unexpected"),
    ],
)
def test_failure_of_aws_has_a_stable_code_and_a_cause(name: str, cause: str, error: str) -> None:
    failure = explain(name, cause)
    assert failure.error == error
    assert len(failure.cause) > 20


def test_error_of_data_forge_has_its_code_and_message() -> None:
    failure = explain("Unavailable", from_lambda("Unavailable", "Cannot connect: too many connections"))
    assert (failure.error, failure.cause) == ("Unavailable", "Cannot connect: too many connections")


def test_message_of_an_unknown_exception_is_not_in_the_cause() -> None:
    failure = explain("UniqueViolation", from_lambda("UniqueViolation", "Key (email)=(a@example.com) exists"))
    assert failure.error == "Unexpected"
    assert "UniqueViolation" in failure.cause
    assert "r-1" in failure.cause
    assert "example.com" not in failure.cause


@given(st.sampled_from([*NAMES, "States.Runtime", "KeyError", "X.Y", "Unavailable"]) | st.text(), st.text())
def test_any_failure_has_a_stable_code_and_explaining_it_again_changes_nothing(name: str, cause: str) -> None:
    failure = explain(name, cause)
    assert failure.error in our_codes()
    assert not failure.error.startswith(("States.", "Lambda.", "Sandbox.", "Runtime."))
    assert explain(failure.error, failure.cause).error == failure.error


@pytest.mark.parametrize(
    ("status", "error", "cause", "wanted"),
    [
        ("TIMED_OUT", "States.Timeout", "", "TimedOut"),
        ("ABORTED", "", "", "Aborted"),
        ("ABORTED", "Stopped", "By me.", "Stopped"),
        ("FAILED", "States.Timeout", "", "FunctionTimedOut"),
    ],
)
def test_end_of_an_execution_is_explained_from_its_status(
    status: str, error: str, cause: str, wanted: str
) -> None:
    failure = explain_end(status, error, cause)
    assert failure.error == wanted
    assert failure.cause


def test_only_codes_of_missing_things_are_not_found() -> None:
    codes = [
        "NoSuchRun",
        "NoSuchBackup",
        "UnknownDataset",
        "UnknownTable",
        "MissingFile",
        "Unavailable",
        "X",
        "cache",
    ]
    assert [code for code in codes if is_not_found(code)] == codes[:4]


def test_failure_of_a_worker_is_recorded_under_the_name_of_its_execution() -> None:
    assert (
        failure_key("arn:aws:states:eu-west-1:1:execution:m:one")
        == failure_key("one")
        == ("map-runs/failures/one.json")
    )
