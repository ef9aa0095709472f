"""The size of what a function receives and returns: 6 MB, and 1 MB of an asynchronous call.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import json
import re
from typing import Any

from ministack.services import lambda_svc

from local.emulator.anchors import require

REQUEST = 6 * 1024 * 1024
ASYNCHRONOUS = 1024 * 1024
RESPONSE = REQUEST + 100
"""Lambda adds 100 bytes to the limit of a response."""
LONGEST = 6
"""The most bytes of a character: of a control character, which is escaped."""
INVOCATION = re.compile(r"/2015-03-31/functions/[^/]+/invocations\Z")


def apply() -> None:
    """Requests are counted as sent, responses as the runtime of Python encodes them."""
    require(
        "limits.payloads", lambda_svc, "handle_request", "_execute_function_dispatch", "error_response_json"
    )
    handle, dispatch = lambda_svc.handle_request, lambda_svc._execute_function_dispatch

    async def handle_if_small(
        method: str, path: str, headers: dict[str, str], body: bytes, *others: Any
    ) -> Any:
        limit = ASYNCHRONOUS if headers.get("x-amz-invocation-type") == "Event" else REQUEST
        if INVOCATION.match(path) and len(body) > limit:
            text = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
            return lambda_svc.error_response_json("RequestEntityTooLargeException", text, 413)
        return await handle(method, path, headers, body, *others)

    def dispatch_and_measure(*arguments: Any, **names: Any) -> dict[str, Any]:
        result: dict[str, Any] = dispatch(*arguments, **names)
        fits = result.get("error") or not exceeds(result.get("body"), RESPONSE)
        return result if fits else _too_large(result)

    lambda_svc.handle_request = handle_if_small
    lambda_svc._execute_function_dispatch = dispatch_and_measure


def size(document: Any) -> int:
    """The bytes of a value as JSON, encoded as by the runtime and Step Functions."""
    return len(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def exceeds(document: Any, limit: int) -> bool:
    """Whether a value has more bytes as JSON. The body of a request or a response, if it is short, is not encoded."""
    body = document.get("body") if isinstance(document, dict) else None
    if isinstance(body, str) and size({**document, "body": ""}) + len(body) * LONGEST <= limit:
        return False
    return size(document) > limit


def _too_large(result: dict[str, Any]) -> dict[str, Any]:
    text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE} bytes)."
    body = {"errorMessage": text, "errorType": "Function.ResponseSizeTooLarge"}
    return {"body": body, "error": True, "log": result.get("log", "")}
