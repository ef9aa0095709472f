"""Do not wait for a function that a state invokes as an event.

The emulator waits for its answer, and fails the state with its error. Lambda queues the event.
"""

import contextvars
import threading
from typing import Any

from ministack.services import stepfunctions

from local.emulator.anchors import require
from local.emulator.iam.machines import require_invocation

INVOKE = "states:::lambda:invoke"


def apply() -> None:
    """The role's permission is checked before."""
    require("events", stepfunctions, "_invoke_resource", "_resolve_lambda_function_ref")
    original = stepfunctions._invoke_resource

    def invoke(resource: str, given: Any) -> Any:
        if INVOKE not in resource or given.get("InvocationType") != "Event":
            return original(resource, given)
        require_invocation(stepfunctions._resolve_lambda_function_ref(given["FunctionName"], optimized=True))
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(_ignore, original, resource, given), daemon=True).start()
        return {"StatusCode": 202, "Payload": ""}

    stepfunctions._invoke_resource = invoke


def _ignore(invoke: Any, resource: str, given: Any) -> None:
    """Invoke the function once: without retries and a queue for failures."""
    try:
        invoke(resource, given)
    except stepfunctions._ExecutionError:
        return
