"""The time of an execution, `TimeoutSeconds` of the state machine; and an execution that has ended remains so.

The emulator has no such time-out, and reports a stopped execution as failed when its last task fails.
"""

import contextvars
import json
import threading
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions

from local.emulator.anchors import require


def apply() -> None:
    """A task that runs continues, as a function on AWS does; its result is ignored."""
    require("limits.executions", stepfunctions, "_run_execution", "_fail_execution", "_executions")
    require(
        "limits.executions", stepfunctions, "_state_machines", "_add_event", "_emit_execution_status_event"
    )
    run, fail = stepfunctions._run_execution, stepfunctions._fail_execution

    def run_in_time(arn: str) -> None:
        timer = _timer(arn)
        run(arn)
        if timer:
            timer.cancel()

    def fail_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._run_execution = run_in_time
    stepfunctions._fail_execution = fail_running


def _timer(arn: str) -> threading.Timer | None:
    """The started timer of the execution, if its machine has a time-out."""
    execution = stepfunctions._executions.get(arn) or {}
    machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}
    seconds = json.loads(machine.get("definition") or "{}").get("TimeoutSeconds")
    if not seconds:
        return None
    timer = threading.Timer(float(seconds), contextvars.copy_context().run, (_time_out, execution))
    timer.daemon = True
    timer.start()
    return timer


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", stopDate=now_iso())
    stepfunctions._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    stepfunctions._emit_execution_status_event(execution)
