"""Refuse executions beyond the account's limit as AWS does.

The emulator counts executions (LAMBDA_ACCOUNT_CONCURRENCY) and refuses those beyond the limit, but its callers do not
handle that. On AWS, API Gateway returns its gateway response INTEGRATION_FAILURE for a refused or failed function,
not the text of Lambda; Step Functions calls the error Lambda.TooManyRequestsException, which tasks retry; events for
asynchronous functions wait for capacity instead of being lost.
"""

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.services import apigateway_v1, eventbridge, lambda_svc

from local.emulator.anchors import require

ERROR = "Lambda.TooManyRequestsException"
WAIT_SECONDS = 0.1


class IntegrationFailed(Exception):
    """The function returned no valid response."""


def apply() -> None:
    """Let the callers of functions handle refused executions."""
    require("throttling", lambda_svc, "_throttle_response", "_execute_function_with_config_scope")
    require("throttling", lambda_svc, "_get_func_record_for_ref", "_execution_record_for_config")
    require("throttling", apigateway_v1, "_lambda_proxy_response", "_invoke_lambda_proxy_v1", "_gw_error")
    require("throttling", eventbridge, "_dispatch_to_lambda")
    _name_the_error()
    _answer_as_the_gateway()
    _wait_for_cloudformation()
    eventbridge._dispatch_to_lambda = _dispatch


def _name_the_error() -> None:
    original = lambda_svc._throttle_response

    def respond(*arguments: Any, **names: Any) -> dict[str, Any]:
        response: dict[str, Any] = original(*arguments, **names)
        response["body"] |= {"errorType": ERROR, "errorMessage": response["body"]["message"]}
        return response

    lambda_svc._throttle_response = respond


def _answer_as_the_gateway() -> None:
    shape, invoke = apigateway_v1._lambda_proxy_response, apigateway_v1._invoke_lambda_proxy_v1

    def shaped(result: dict[str, Any]) -> Any:
        response, error = shape(result)
        if result.get("throttle") or error:
            raise IntegrationFailed
        return response, error

    async def invoked(*arguments: Any, **names: Any) -> Any:
        try:
            return await invoke(*arguments, **names)
        except IntegrationFailed:
            return apigateway_v1._gw_error("INTEGRATION_FAILURE", "Internal server error")

    apigateway_v1._lambda_proxy_response = shaped
    apigateway_v1._invoke_lambda_proxy_v1 = invoked


def _wait_for_cloudformation() -> None:
    original = lambda_svc._execute_function_with_config_scope

    def execute(record: dict[str, Any], event: Any, *others: Any, **names: Any) -> dict[str, Any]:
        call = partial(original, record, event, *others, **names)
        from_cloudformation = isinstance(event, dict) and "ResponseURL" in event
        return _until_taken(call) if from_cloudformation else call()

    lambda_svc._execute_function_with_config_scope = execute


def _until_taken(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    while (result := call()).get("throttle"):
        time.sleep(WAIT_SECONDS)
    return result


def _dispatch(arn: str, payload: str) -> None:
    """Deliver an event of EventBridge to a function."""
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if function and config:
        record = lambda_svc._execution_record_for_config(function, config)
        call = partial(lambda_svc._execute_function_with_config_scope, record, json.loads(payload))
        threading.Thread(target=_until_taken, args=(call,), daemon=True).start()
