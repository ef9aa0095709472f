"""The size of a function's environment (4 KB) and of its code with its layers (250 MB unpacked) in a stack.

Of calls of Lambda's API, the emulator checks the second itself.
"""

import json
from typing import Any

from ministack.services import lambda_svc

from local.emulator import stack_handlers
from local.emulator.anchors import require

ENVIRONMENT = 4096
MOST_LAYERS = 5


class TooLarge(ValueError):
    """CloudFormation reports the text as the reason of CREATE_FAILED or UPDATE_FAILED."""


def apply() -> None:
    """A refused creation leaves no function."""
    require("limits.packages", lambda_svc, "_create_function", "_update_config", "error_response_json")
    require("limits.packages", lambda_svc, "_validate_total_unzipped_size", "_functions")
    stack_handlers.wrap(
        "limits.packages", stack_handlers.FUNCTION, before=_require_small, after=_require_unpacked
    )
    _check_calls()


def _check_calls() -> None:
    create, update = lambda_svc._create_function, lambda_svc._update_config

    def create_checked(data: dict[str, Any], *others: Any, **names: Any) -> Any:
        return _refusal(data) or create(data, *others, **names)

    def update_checked(name: str, data: dict[str, Any]) -> Any:
        return _refusal(data) or update(name, data)

    lambda_svc._create_function = create_checked
    lambda_svc._update_config = update_checked


def _refusal(data: dict[str, Any]) -> Any:
    try:
        _require_small(data)
    except TooLarge as error:
        return lambda_svc.error_response_json("InvalidParameterValueException", str(error), 400)
    return None


def _require_small(properties: dict[str, Any]) -> None:
    """Raise ``TooLarge`` for too large an environment or too many layers."""
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    text = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > ENVIRONMENT:
        # The message of Lambda ends with the variables, which are not repeated here.
        raise TooLarge(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {len(text.encode())} bytes."
        )
    if len(properties.get("Layers") or []) > MOST_LAYERS:
        raise TooLarge(f"Cannot reference more than {MOST_LAYERS} layers.")


def _require_unpacked(name: str, _properties: dict[str, Any]) -> None:
    """Raise ``TooLarge`` if the function's code with its layers is too large."""
    function = lambda_svc._functions[name]
    if lambda_svc._validate_total_unzipped_size(function["code_zip"], function["config"]["Layers"]):
        raise TooLarge(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{lambda_svc._UNZIPPED_LIMIT_BYTES} bytes."
        )
