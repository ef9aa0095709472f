"""The reason why a run waits: the failed attempt that Step Functions will retry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from dataforge.aws.failures import Failure, explain
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.output.screen import Screen

_FAILED = (
    "lambdaFunctionFailedEventDetails",
    "lambdaFunctionTimedOutEventDetails",
    "lambdaFunctionScheduleFailedEventDetails",
    "taskFailedEventDetails",
    "taskTimedOutEventDetails",
)
_PASSED = ("StateEntered", "StateExited", "Succeeded")
_RECENT_EVENTS = 20


class Trouble:
    """Prints why a run waits, once per reason."""

    def __init__(self, deployment: Deployment, arn: str, screen: Screen) -> None:
        self._deployment, self._arn, self._screen = deployment, arn, screen
        self._said: Failure | None = None

    def say(self) -> None:
        """Find the reason, and print it if it has changed."""
        found = read_trouble(self._deployment, self._arn)
        if found is not None and found != self._said:
            self._said = found
            self._screen.say(f"waiting to retry: {found.error}: {found.cause}")


def read_trouble(deployment: Deployment, arn: str) -> Failure | None:
    """Return the failure of the newest attempt of the current step or one of its workers, or None.

    Also None without permission to read the history, which following a run does not require.
    """
    try:
        for execution in (*_workers(deployment, arn), arn):
            history = deployment.states.get_execution_history(
                executionArn=execution, reverseOrder=True, maxResults=_RECENT_EVENTS
            )
            found = newest_failure(history["events"])
            if found is not None:
                return found
    except ClientError:
        return None
    return None


def _workers(deployment: Deployment, arn: str) -> list[str]:
    """Yield one running item of each Distributed Map that the execution runs now."""
    runs = deployment.states.list_map_runs(executionArn=arn)["mapRuns"]
    running = (run["mapRunArn"] for run in runs if "stopDate" not in run)
    pages = (
        deployment.states.list_executions(mapRunArn=run, statusFilter="RUNNING", maxResults=1)
        for run in running
    )
    return [item["executionArn"] for page in pages for item in page["executions"][:1]]


def newest_failure(events: Iterable[Mapping[str, Any]]) -> Failure | None:
    """Return the failed attempt from events, newest first, unless its state has succeeded since."""
    for event in events:
        for name in _FAILED:
            if name in event:
                return explain(event[name].get("error", ""), event[name].get("cause", ""))
        if event["type"].endswith(_PASSED):
            return None
    return None
