"""Describe the route of the audit."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import Field

from dataforge.api.describe import PAGE, Document, answer, operation, query
from dataforge.api.shapes import Shape
from dataforge.audit.operations import PrincipalKind, Result
from dataforge.http import Kind
from dataforge.tables.datasets import DATASETS

TAG = ("Audit", "List who requested which operation, and its result.")
MODELS = ()


class Principal(Shape):
    """Who requested an operation, as AWS vouches for it."""

    kind: PrincipalKind
    id: Annotated[
        str, Field(description="the ARN of an execution or stack, or the id of an API key or invocation")
    ]


class StatedRequester(Shape):
    """An identity that is not verified."""

    stated: str


class AuditEntry(Shape):
    """The start, the end or the refusal of an operation."""

    id: int
    at: str
    operation: str
    result: Result
    principal: Principal
    requested_by: Annotated[StatedRequester | None, Field(description="the identity that the caller states")]
    dataset: str | None
    object: Annotated[
        dict[str, Any], Field(description="tables, ids and filters of the operation; no records")
    ]
    error: Annotated[str | None, Field(description="the code of a failure or refusal")]
    identity_query: Annotated[
        str | None, Field(description="the command that finds the caller's verified identity in CloudTrail")
    ]


class AuditPage(Shape):
    """A page of the audit."""

    data: list[AuditEntry]
    next_cursor: str | None


SHAPES = (AuditPage,)

_EXAMPLE = {
    "data": [
        {
            "id": 41,
            "at": "2026-11-25T19:59:31.482113Z",
            "operation": "restore",
            "result": "refused",
            "principal": {"kind": "api_key", "id": "q3v8x1k2m5"},
            "requested_by": None,
            "dataset": None,
            "object": {"method": "POST", "route": "/v1/restores"},
            "error": "WrongKey",
            "identity_query": None,
        }
    ],
    "next_cursor": None,
}


def paths() -> Document:
    """Path -> method -> operation."""
    text = {"type": "string", "maxLength": 2048}
    return {
        "/v1/audit": {
            "get": operation(
                "listAudit",
                "List the audit",
                "Migrations, replays, backups, restores, exports, schema changes and refused requests, the newest first, "
                "each with its principal and result. Filters are combined with AND.",
                tag=TAG[0],
                least=Kind.OPERATOR,
                answers={200: answer("One page.", "AuditPage", _EXAMPLE)},
                problems=(400, 503),
                parameters=[
                    query("operation", "Of this operation, such as `restore`.", text),
                    query(
                        "result",
                        "With this result.",
                        {"type": "string", "enum": list(get_args(Result))},
                    ),
                    query("principal", "Of this execution, stack, API key or invocation.", text),
                    query("dataset", "Of this dataset.", {**text, "examples": list(DATASETS)}),
                    query(
                        "since",
                        "Not before this time, in ISO 8601 with an offset.",
                        {"type": "string", "format": "date-time"},
                    ),
                    *PAGE,
                ],
            )
        }
    }
