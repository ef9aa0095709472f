"""Convert proxy events of API Gateway to requests, and answers to its response format."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from typing import Any

from dataforge.defaults import BODY_BYTES
from dataforge.errors import (
    BodyTooLarge,
    DataForgeError,
    InvalidRequest,
    NotJson,
    WrongMediaType,
    WrongMethod,
)
from dataforge.errors.problems import PROBLEM, problem_document
from dataforge.http.access import Kind, kind_of, owner_of
from dataforge.http.encoding import unpack
from dataforge.key_limits import UNLIMITED, KeyLimits
from dataforge.response_headers import DATA_POLICY, EVERY_ANSWER

_JSON = re.compile(r'application/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are in lower case; ``path`` begins with /v1; ``parts`` are the path's parameters."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    raw_body: str = field(repr=False, default="")
    is_base64: bool = False
    id: str = ""
    api_key: str = field(repr=False, default="")
    """The API key that API Gateway has checked, or "". The header is not read."""
    api_key_id: str = ""
    limits: KeyLimits = UNLIMITED
    """The limits of the key. The functions of routes check them."""
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The identity of the API key, which does not reveal the key."""
        return owner_of(self.api_key)

    @property
    def kind(self) -> Kind:
        """The kind of the API key. Raises ``WrongKey`` on a route without a key."""
        return kind_of(self.api_key)

    @cached_property
    def body(self) -> bytes:
        """The decompressed body. Raises ``NotJson``, ``BodyTooLarge``, ``WrongContentEncoding``."""
        try:
            data = (
                base64.b64decode(self.raw_body, validate=True) if self.is_base64 else self.raw_body.encode()
            )
        except (binascii.Error, ValueError):
            raise NotJson("The body is not valid UTF-8.") from None
        if len(data) > BODY_BYTES:
            raise BodyTooLarge(len(data), BODY_BYTES)
        return unpack(data, self.headers.get("content-encoding", ""), BODY_BYTES)

    def json_body(self) -> bytes:
        """The body, declared as JSON. Raises ``WrongMediaType`` and the errors of ``body``."""
        declared = self.headers.get("content-type", "")
        if not _JSON.fullmatch(declared.strip()):
            raise WrongMediaType(declared)
        return self.body

    def single_query(self) -> dict[str, str]:
        """The parameters of the query. Raises ``InvalidRequest`` if a parameter is repeated."""
        repeated = [name for name, values in self.query.items() if len(values) != 1]
        if repeated:
            raise InvalidRequest(f"Parameters are repeated: {', '.join(repeated)}.")
        return {name: values[0] for name, values in self.query.items()}

    def with_parts(self, parts: Mapping[str, str]) -> Request:
        """The request with these path parameters."""
        return replace(self, parts=parts) if parts else self

    def with_limits(self, limits: KeyLimits) -> Request:
        """The request with the limits of its key."""
        return self if limits is UNLIMITED else replace(self, limits=limits)


@dataclass(frozen=True)
class Response:
    """One HTTP answer; ``body`` is text, or bytes that are sent as base64."""

    status: int = HTTPStatus.OK
    body: str | bytes = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, headers: Mapping[str, str]) -> Response:
        """The answer with additional headers."""
        return replace(self, headers={**self.headers, **headers})

    def without_body(self) -> Response:
        """The answer to HEAD."""
        return replace(self, body="")

    def as_event(self) -> dict[str, Any]:
        """The response format of a Lambda proxy integration."""
        binary = isinstance(self.body, bytes)
        return {
            "statusCode": int(self.status),
            "headers": {
                "Content-Type": self.content_type,
                "Cache-Control": "no-store",
                "Content-Security-Policy": DATA_POLICY,
                **EVERY_ANSWER,
                **self.headers,
            },
            "body": base64.b64encode(self.body).decode() if isinstance(self.body, bytes) else self.body,
            "isBase64Encoded": binary,
        }


def read_request(event: Mapping[str, Any]) -> Request:
    """The request in an event of API Gateway's Lambda proxy integration (REST API)."""
    context = event.get("requestContext") or {}
    identity = context.get("identity") or {}
    query = event.get("multiValueQueryStringParameters") or {
        name: [value] for name, value in (event.get("queryStringParameters") or {}).items()
    }
    return Request(
        method=event["httpMethod"],
        path=event["path"],
        headers=_headers(event),
        query=query,
        raw_body=event.get("body") or "",
        is_base64=bool(event.get("isBase64Encoded")),
        id=context.get("requestId", ""),
        api_key=_text(identity.get("apiKey")),
        api_key_id=_text(identity.get("apiKeyId")),
    )


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """The headers by lower-case name. Values of a repeated header are joined (RFC 9110), so none replaces another."""
    given = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    found: dict[str, dict[str, None]] = {}
    for name, values in given.items():
        found.setdefault(name.lower(), {}).update(dict.fromkeys(values))
    return {name: ", ".join(values) for name, values in found.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def json_response(document: Any, status: int = HTTPStatus.OK) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(document, ensure_ascii=False))


def problem(error: DataForgeError, request_id: str) -> Response:
    """The answer to a request that failed: a problem document (RFC 9457)."""
    headers = {"Allow": error.allowed} if isinstance(error, WrongMethod) else {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    document = problem_document(error, request_id)
    body = json.dumps(document, ensure_ascii=False).encode(errors="backslashreplace").decode()
    return Response(error.status, body, PROBLEM, headers)
