"""Fail a Parallel state with the first failed branch, as AWS does.

The emulator waits for all of them: a refused backup would wait for its snapshot exporters, which wait for the end of the
backup.
"""

import contextvars
import queue
import threading
from typing import Any

from ministack.services import stepfunctions

from local.emulator.anchors import require

_Ended = queue.SimpleQueue[tuple[int, Any, Exception | None]]


def apply() -> None:
    """The other branches finish without effect, as on AWS."""
    require("parallel", stepfunctions, "_run_parallel_branches", "_run_sub_machine", "_ExecutionError")
    require("parallel", stepfunctions, "_apply_input_path", "_apply_parameters", "_apply_result_selector")
    require("parallel", stepfunctions, "_apply_result_path", "_apply_output_path", "_next_or_end")
    stepfunctions._run_parallel_branches = _run


def _run(state: dict[str, Any], given: Any, execution: Any, context: dict[str, Any]) -> tuple[Any, Any]:
    data = stepfunctions._apply_parameters(
        state, stepfunctions._apply_input_path(state, given, context), context
    )
    branches, ended = state["Branches"], _Ended()
    for number, branch in enumerate(branches):
        # A separate context: an abandoned branch records its states there.
        arguments = (ended, number, branch, data, execution, dict(context))
        threading.Thread(
            target=contextvars.copy_context().run, args=(_branch, *arguments), daemon=True
        ).start()
    result = stepfunctions._apply_result_selector(state, _results(ended, len(branches)))
    output = stepfunctions._apply_result_path(state, given, result)
    return stepfunctions._apply_output_path(state, output, context), stepfunctions._next_or_end(state)


def _branch(
    ended: _Ended, number: int, branch: dict[str, Any], data: Any, execution: Any, context: dict[str, Any]
) -> None:
    try:
        result = stepfunctions._run_sub_machine(branch["States"], branch["StartAt"], data, execution, context)
        ended.put((number, result, None))
    except Exception as error:  # noqa: BLE001  raised again by the thread that waits
        ended.put((number, None, error))


def _results(ended: _Ended, count: int) -> list[Any]:
    """The branches' results in order. Raises the error of the first branch that fails."""
    results = [None] * count
    for _ in range(count):
        number, result, error = ended.get()
        if isinstance(error, stepfunctions._ExecutionError):
            raise error
        if error is not None:
            raise stepfunctions._ExecutionError("States.BranchFailed", str(error)) from error
        results[number] = result
    return results
