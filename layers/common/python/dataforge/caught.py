"""What a state machine caught, in words that say what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping

_CAUSE_LIMIT = 4_000
"""Step Functions takes 32,768 characters of cause; nobody reads that many."""


def readable(error: Mapping[str, str]) -> tuple[str, str]:
    """Name and text of a caught error; a Lambda function's cause is JSON around its message."""
    name, cause = error.get("Error", "States.Unknown"), error.get("Cause", "")
    try:
        document = json.loads(cause)
    except ValueError:
        return name, cause
    if isinstance(document, dict) and "errorMessage" in document:
        return str(document.get("errorType") or name), str(document["errorMessage"])
    return name, cause


def shortened(cause: str) -> str:
    """The cause as far as anybody reads it."""
    return cause[:_CAUSE_LIMIT] + (" …" if len(cause) > _CAUSE_LIMIT else "")
