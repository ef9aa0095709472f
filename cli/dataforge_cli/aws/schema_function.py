"""Invoke the schema function, which reaches the database of a deployment."""

from __future__ import annotations

import json
from typing import Any

from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.errors import FunctionFailed

FUNCTION = "schema_arn"
"""The output with the ARN of the schema function."""


def ask(deployment: Deployment, action: str, **arguments: Any) -> dict[str, Any]:
    """Invoke the function with an action and its arguments. Raises ``FunctionFailed``."""
    payload = json.dumps({"action": action, **arguments})
    answer = deployment.functions.invoke(FunctionName=deployment[FUNCTION], Payload=payload)
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise FunctionFailed(str(result.get("errorMessage", result)), name=str(result.get("errorType", "")))
    return result
