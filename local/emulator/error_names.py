"""Report a function's exception to Step Functions under its class's name, as AWS does.

The emulator names every exception `Runtime.HandlerError`, so Retry and Catch would never match.
"""

import json
from typing import Any

from ministack.services import lambda_svc

from local.emulator.anchors import require
from local.emulator.limits import sandbox
from local.emulator.worker_script import change_worker_script

PREFIX = "exception:"
DIED = "Worker process died"  # prose: ignore
# The text that the worker's script sends when a handler raises, and its replacement with all fields of AWS.
ANCHOR = '"error": str(e), "trace": traceback.format_exc()'
TOLD = """"error": "exception:" + json.dumps({
    "errorMessage": str(e),
    "errorType": type(e).__name__,
    "stackTrace": traceback.format_tb(e.__traceback__)[1:],
}), "trace": traceback.format_exc()"""


def apply() -> None:
    """The worker sends class and trace inside the message; the invocation extracts them."""
    require("error_names", lambda_svc, "_execute_function_warm")
    change_worker_script("error_names", ANCHOR, TOLD)
    original = lambda_svc._execute_function_warm

    def execute(function: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = original(function, event, request_id)
        if answer.get("error"):
            answer["body"] = _as_on_aws(answer["body"], request_id)
        return answer

    lambda_svc._execute_function_warm = execute


def _as_on_aws(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    message = body["errorMessage"]
    if message.startswith(PREFIX):
        return {**json.loads(message.removeprefix(PREFIX)), "requestId": request_id}
    if message == sandbox.FULL:
        return {"errorMessage": message, "errorType": "OSError", "requestId": request_id, "stackTrace": []}
    if message in (DIED, sandbox.KILLED):
        return {"errorMessage": f"RequestId: {request_id} Error: {message}", "errorType": "Runtime.ExitError"}
    return body
