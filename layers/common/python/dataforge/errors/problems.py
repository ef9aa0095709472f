"""Problem documents (RFC 9457), as the functions, API Gateway's own responses and the API's description write them."""

from __future__ import annotations

import re
from typing import Any

from dataforge.errors.base import DataForgeError

PROBLEM = "application/problem+json"
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def problem_type(code: str) -> str:
    """The URN of a code: "WrongKey" is urn:dataforge:problem:wrong-key."""
    return f"urn:dataforge:problem:{_words(code).replace(' ', '-')}"


def problem_title(code: str) -> str:
    """The title of a code: "WrongKey" is "Wrong key"."""
    return _words(code).capitalize().replace("json", "JSON")


def code_of(problem_type: str) -> str:
    """The code of a problem's type; "" for a text without words."""
    return "".join(word.title() for word in problem_type.rpartition(":")[2].split("-"))


def problem_of(error: type[DataForgeError], detail: str, instance: str) -> dict[str, Any]:
    """The problem document of an error class with this detail."""
    return {
        "type": problem_type(error.code),
        "title": problem_title(error.code),
        "status": int(error.status),
        "detail": detail,
        "instance": instance,
    }


def problem_document(error: DataForgeError, instance: str) -> dict[str, Any]:
    """The problem document of an error; ``instance`` is the request id."""
    document = problem_of(type(error), error.for_callers or str(error), instance)
    errors = getattr(error, "errors", None)
    return {**document, "errors": errors} if errors else document


def _words(code: str) -> str:
    return _HUMP.sub(" ", code).lower()
