"""Limits of an execution of Step Functions: 256 KiB of data per state, and 25,000 events in its history.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html. The errors are those that `States.ALL` and
`States.TaskFailed` do not match. Events are counted as AWS records them, because the emulator records fewer.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack.services import stepfunctions

from local.emulator.anchors import require
from local.emulator.limits.payloads import size

DATA = 256 * 1024
EVENTS = 25_000
TOO_MUCH, EXHAUSTED = "States.DataLimitExceeded", "States.Runtime"

STARTED = 1
"""The first event; the last one is that of the execution's end."""
ATTEMPT = 3
"""Task scheduled, started, and succeeded or failed."""
SELF = 2
"""State entered and exited."""
MORE = {"_execute_parallel": 2, "_execute_map": 2}
"""Parallel or Map started and succeeded."""
STATES = ("_execute_pass", "_execute_task", "_execute_choice", "_execute_wait", *MORE)


class History:
    """The number of events of one execution; an item of a Distributed Map has its own."""

    def __init__(self, arn: str) -> None:
        self.arn, self._events = arn, STARTED

    def add(self, events: int) -> None:
        """Raise the error with which Step Functions ends the execution if its history is full."""
        self._events += events
        if self._events >= EVENTS:
            text = f"The execution reached the maximum number of history events ({EVENTS})."
            raise stepfunctions._ExecutionError(EXHAUSTED, text)


HISTORY: ContextVar[History | None] = ContextVar("HISTORY", default=None)


def apply() -> None:
    """The threads of an execution share its history."""
    require("limits.states", stepfunctions, "_run_execution", "_run_sub_machine", "_invoke_resource", *STATES)
    require("limits.states", stepfunctions, "_error_matches", "_start_execution", "_ExecutionError")
    for name in STATES:
        setattr(stepfunctions, name, _limited(getattr(stepfunctions, name), SELF + MORE.get(name, 0)))
    _limit_tasks()
    _open_histories()
    _match_by_name()
    _limit_inputs()


def _limited(execute: Callable[..., Any], events: int) -> Callable[..., Any]:
    def execute_limited(state: dict[str, Any], given: Any, *others: Any) -> Any:
        _count(events)
        output, following = execute(state, given, *others)
        _require_small(output, (others[-1] or {}).get("State", {}).get("Name", state.get("Type")))
        return output, following

    return execute_limited


def _limit_tasks() -> None:
    invoke = stepfunctions._invoke_resource

    def invoke_limited(resource: str, given: Any) -> Any:
        _count(ATTEMPT)
        _require_small(given, resource)
        result = invoke(resource, given)
        _require_small(result, resource)
        return result

    stepfunctions._invoke_resource = invoke_limited


def _open_histories() -> None:
    run, run_part = stepfunctions._run_execution, stepfunctions._run_sub_machine

    def run_with_history(arn: str) -> None:
        HISTORY.set(History(arn))
        run(arn)

    def run_part_with_history(
        states: Any, start: str, given: Any, execution: dict[str, Any], context: Any
    ) -> Any:
        known = HISTORY.get()
        if known is not None and known.arn == execution["executionArn"]:
            _count(SELF if "Map" in context else 0)  # an iteration started and succeeded
            return run_part(states, start, given, execution, context)
        token = HISTORY.set(History(execution["executionArn"]))
        try:
            _require_small(given, execution["executionArn"])
            return run_part(states, start, given, execution, context)
        finally:
            HISTORY.reset(token)

    stepfunctions._run_execution = run_with_history
    stepfunctions._run_sub_machine = run_part_with_history


def _match_by_name() -> None:
    matches = stepfunctions._error_matches

    def matches_by_name(wanted: list[str], error: str) -> bool:
        """Only its own name matches the error of too much data, and nothing that of the runtime."""
        if error == TOO_MUCH:
            return error in wanted
        return error != EXHAUSTED and bool(matches(wanted, error))

    stepfunctions._error_matches = matches_by_name


def _limit_inputs() -> None:
    start = stepfunctions._start_execution

    def start_limited(data: dict[str, Any]) -> Any:
        if len(str(data.get("input") or "").encode()) > DATA:
            text = (
                "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                f"Member must have length less than or equal to {DATA}"
            )
            return stepfunctions.error_response_json("ValidationException", text, 400)
        return start(data)

    stepfunctions._start_execution = start_limited


def _count(events: int) -> None:
    if history := HISTORY.get():
        history.add(events)


def _require_small(data: Any, name: Any) -> None:
    if size(data) > DATA:
        text = f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit."
        raise stepfunctions._ExecutionError(TOO_MUCH, text)
