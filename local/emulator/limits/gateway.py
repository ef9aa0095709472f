"""Limits of a REST API: 10 MB of a body, 10,240 bytes of request line and headers, 29 s of an integration.

https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html. The first two are refused before the API, so its
gateway responses do not apply to them.
"""

import asyncio
from typing import Any
from urllib.parse import urlencode

from ministack.services import apigateway_v1

from local.emulator.anchors import require
from local.emulator.limits.payloads import REQUEST, exceeds

BODY = 10 * 1024 * 1024
HEADERS = 10_240
DEFAULT_MILLISECONDS = 29_000
TEXT = {"Content-Type": "text/plain; charset=utf-8"}


def apply() -> None:
    """An event of more than 6 MB is refused by Lambda, and a function that runs longer continues without a caller."""
    require("limits.gateway", apigateway_v1, "_execute_in_scope", "_invoke_lambda_proxy_v1", "_gw_error")
    require("limits.gateway", apigateway_v1, "_call_lambda_raw")
    execute, invoke, call = (
        apigateway_v1._execute_in_scope,
        apigateway_v1._invoke_lambda_proxy_v1,
        apigateway_v1._call_lambda_raw,
    )

    async def execute_if_small(
        request: Any,
        api: str,
        stage: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        query: Any,
        *others: Any,
    ) -> Any:
        if len(body or b"") > BODY:
            return 413, {**TEXT}, f"HTTP content length exceeded {BODY} bytes.".encode()
        line = f"{method} {path}?{urlencode(query or {}, doseq=True)}"
        if len(line) + _header_bytes(headers) > HEADERS:
            return 431, {**TEXT}, f"HTTP header is larger than {HEADERS} bytes.".encode()
        return await execute(request, api, stage, method, path, headers, body, query, *others)

    async def invoke_in_time(integration: dict[str, Any], *others: Any, **names: Any) -> Any:
        seconds = int(integration.get("timeoutInMillis") or DEFAULT_MILLISECONDS) / 1000
        running = asyncio.ensure_future(invoke(integration, *others, **names))
        try:
            answer = await asyncio.wait_for(asyncio.shield(running), seconds)
        except TimeoutError:
            return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        except EventTooLarge:
            return apigateway_v1._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
        return _limited(answer)

    async def call_if_small(function: Any, event: Any, **names: Any) -> Any:
        if exceeds(event, REQUEST):
            raise EventTooLarge
        return await call(function, event, **names)

    apigateway_v1._execute_in_scope = execute_if_small
    apigateway_v1._invoke_lambda_proxy_v1 = invoke_in_time
    apigateway_v1._call_lambda_raw = call_if_small


class EventTooLarge(Exception):
    """The event of a request exceeds what a function can receive."""


def _limited(answer: Any) -> Any:
    """The answer; of one with too many bytes in its headers, the gateway's own."""
    if isinstance(answer, tuple) and len(answer) == 3 and _header_bytes(answer[1]) > HEADERS:
        return apigateway_v1._gw_error("INTEGRATION_FAILURE", "Internal server error")
    return answer


def _header_bytes(headers: Any) -> int:
    """The bytes of all values, with those that are repeated."""
    values = (
        value
        for content in (headers or {}).values()
        for value in (content if isinstance(content, list) else [content])
    )
    return sum(len(str(value).encode()) for value in values)
