"""Build operations of the OpenAPI document: parameters, bodies, responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataforge.defaults import BODY_BYTES, MOST_PAGE_ROWS, PAGE_ROWS
from dataforge.errors import (
    AnswerTooLarge,
    BelowQuality,
    BodyTooLarge,
    Busy,
    DataForgeError,
    DiskFull,
    ExportRunning,
    InvalidRequest,
    KeyEnded,
    KeyReused,
    NoSuchBackup,
    NotFound,
    NotJson,
    OutsideLimits,
    QuotaUsedUp,
    RequestInProgress,
    RowSecurity,
    RowTooLarge,
    TableChanged,
    TooManyExports,
    TooManyRequests,
    TooSlow,
    Unavailable,
    Unexpected,
    UnknownDataset,
    UnknownTable,
    WrongContentEncoding,
    WrongKey,
    WrongMediaType,
)
from dataforge.errors.codes import meaning
from dataforge.errors.problems import PROBLEM, problem_of, problem_type
from dataforge.http import Kind
from dataforge.http.cursors import CURSOR_LENGTH
from dataforge.http.idempotency import REPLAYED_HEADER

JSON = "application/json"
Document = dict[str, Any]

IDEMPOTENCY_KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}

_PROBLEMS: tuple[tuple[type[DataForgeError], ...], ...] = (
    (InvalidRequest, NotJson),
    (WrongKey, KeyEnded, OutsideLimits),
    (NotFound, UnknownDataset, UnknownTable, NoSuchBackup),
    (RequestInProgress, ExportRunning, BelowQuality, RowSecurity, TableChanged),
    (BodyTooLarge, AnswerTooLarge, RowTooLarge),
    (WrongMediaType, WrongContentEncoding),
    (KeyReused,),
    (TooManyRequests, QuotaUsedUp),
    (Unexpected,),
    (Unavailable, Busy, DiskFull, TooSlow, TooManyExports),
)
"""The errors of each status; the first is the example."""
_BY_STATUS = {int(errors[0].status): errors for errors in _PROBLEMS}


def ref(name: str) -> Document:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def operation(
    name: str,
    summary: str,
    text: str,
    *,
    tag: str,
    least: Kind | None,
    answers: Mapping[int, Document],
    problems: Sequence[int],
    parameters: Sequence[Document] = (),
    body: Document | None = None,
) -> Document:
    """An operation object; ``least`` is the kind of key with the fewest rights that may call it."""
    refusals = sorted({*problems, 429, 500, *([403] if least else [])})
    needs = f"\n\nNeeds a key of the kind **{least.name.lower()}**{_or_more(least)}." if least else ""
    found: Document = {
        "operationId": name,
        "summary": summary,
        "description": text + needs,
        "tags": [tag],
        # The role names that OpenAPI 3.1 lets a key have: here, the least kind.
        "security": [{"key": [least.name.lower()]}] if least else [],
        "responses": {str(s): a for s, a in answers.items()}
        | {str(s): _refusal(s) for s in refusals if s not in answers},
    }
    if parameters:
        found["parameters"] = list(parameters)
        found["responses"]["431"] = _TOO_LONG
    if body:
        found["requestBody"] = body
    return found


_TOO_LONG: Document = {
    "description": "API Gateway: the request line and the headers have more than 10,240 bytes. No problem document."
}


def _or_more(least: Kind) -> str:
    more = [kind.name.lower() for kind in Kind if kind > least]
    return f" (or {', '.join(more)})" if more else ""


def answer(text: str, schema: str, example: Any = None) -> Document:
    """A JSON answer."""
    content: Document = {"schema": ref(schema)}
    if example is not None:
        content["example"] = example
    return {"description": text, "content": {JSON: content}}


REPLAYED: Document = {
    REPLAYED_HEADER: {
        "description": "`true` if this is the answer of an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    }
}


def replayable(found: Document) -> Document:
    """The response, with the header that marks a replayed one."""
    return {**found, "headers": {**found.get("headers", {}), **REPLAYED}}


def accepted(text: str, schema: str, example: Any) -> Document:
    """The 202 response of a run that continues, with the location of its status."""
    location = {
        "description": "The path of the status, relative to the API's address.",
        "schema": {"type": "string"},
    }
    return replayable({**answer(text, schema, example), "headers": {"Location": location}})


def json_body(schema: str, example: Any, *, required: bool = True) -> Document:
    """The body of a request."""
    return {"required": required, "content": {JSON: {"schema": ref(schema), "example": example}}}


def _refusal(status: int) -> Document:
    errors = _BY_STATUS[status]
    example = problem_of(errors[0], meaning(errors[0]), "c6af56f1-0d6a-4d0c-9f7e-5f6f2a1f4b57")
    text = "\n".join(f"- `{problem_type(error.code)}`: {meaning(error)}" for error in errors)
    content = {"schema": ref("Problem"), "example": example}
    found: Document = {"description": text, "content": {PROBLEM: content}}
    if errors[0].retry_after is not None:
        found["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "string"}}}
    return found


def file(text: str, media: str) -> Document:
    """An answer that is a file."""
    return {"description": text, "content": {media: {"schema": {"type": "string"}}}}


def query(name: str, text: str, schema: Document, *, required: bool = False) -> Document:
    """A parameter of the query."""
    return {"name": name, "in": "query", "description": text, "required": required, "schema": schema}


def part(name: str, text: str, schema: Document) -> Document:
    """A parameter of the path."""
    return {"name": name, "in": "path", "description": text, "required": True, "schema": schema}


CONTENT_ENCODING: Document = {
    "name": "Content-Encoding",
    "in": "header",
    "description": f"`gzip` if the body is compressed; uncompressed it has at most {BODY_BYTES >> 20} MiB.",
    "schema": {"type": "string", "enum": ["gzip"]},
}


def idempotency_key(text: str) -> Document:
    """The header that makes a POST repeatable."""
    return {"name": "Idempotency-Key", "in": "header", "description": text, "schema": IDEMPOTENCY_KEY}


CURSOR = query(
    "cursor",
    "`next_cursor` of the previous response; opaque.",
    {"type": "string", "maxLength": CURSOR_LENGTH},
)
PAGE = [
    query(
        "limit",
        "The maximum number of items.",
        {"type": "integer", "minimum": 1, "maximum": MOST_PAGE_ROWS, "default": PAGE_ROWS},
    ),
    CURSOR,
]
"""The parameters of paginated listings."""
