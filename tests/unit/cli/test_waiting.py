"""The reason why a run waits: the last failed attempt, unless its step has succeeded since."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge_cli.runs.retries import newest_failure

AWAY = {"error": "Unavailable", "cause": '{"errorMessage": "Cannot connect", "errorType": "Unavailable"}'}
ENTERED: dict[str, Any] = {"type": "TaskStateEntered"}
SCHEDULED: dict[str, Any] = {"type": "LambdaFunctionScheduled"}
SUCCEEDED: dict[str, Any] = {"type": "LambdaFunctionSucceeded"}
FAILED: dict[str, Any] = {"type": "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails": AWAY}
TIMED_OUT: dict[str, Any] = {
    "type": "LambdaFunctionTimedOut",
    "lambdaFunctionTimedOutEventDetails": {"error": "States.Timeout"},
}


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ([], None),
        ([ENTERED], None),
        ([SCHEDULED, ENTERED], None),
        ([FAILED, SCHEDULED, ENTERED], "Unavailable"),
        ([SCHEDULED, FAILED, ENTERED], "Unavailable"),
        ([TIMED_OUT, SCHEDULED, FAILED], "FunctionTimedOut"),
        ([SUCCEEDED, SCHEDULED, FAILED], None),
        ([ENTERED, SUCCEEDED, FAILED], None),
    ],
)
def test_newest_failed_attempt_is_reported_until_its_step_succeeds(
    events: list[dict[str, Any]], error: str | None
) -> None:
    found = newest_failure(events)
    assert (found and found.error) == error
