"""Routes, the check of keys, and the answers to errors."""

from __future__ import annotations

import io
import json
from http import HTTPStatus
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from dataforge.http import Kind, Request, Response, Router, json_response
from dataforge.http.limits import no_limits
from tests.gateway_events import request_context

KEYS = {kind: f"{kind.name.lower()}.{'x' * 32}" for kind in Kind}


def event(method: str, path: str, key: str | None = None, **more: Any) -> dict[str, Any]:
    """An event of API Gateway without headers, query and body; ``key``: the API key that it has checked."""
    nothing = {"headers": None, "queryStringParameters": None, "body": None, "isBase64Encoded": False}
    return {
        "httpMethod": method,
        "path": path,
        **nothing,
        "requestContext": request_context(key, "r-1"),
    } | more


@pytest.fixture
def log() -> io.StringIO:
    """The log."""
    return io.StringIO()


@pytest.fixture
def router(log: io.StringIO, request: pytest.FixtureRequest) -> Router:
    """A router with four routes."""
    router = Router(Logger(request.node.name, stream=log), no_limits, lambda *_: None)

    @router.route("GET", "/v1/tables/{table}", least=Kind.READER)
    def get_table(request: Request) -> Response:
        return json_response({"table": request.parts["table"]})

    @router.route("POST", "/v1/tables/{table}", least=Kind.WRITER)
    def post_table(request: Request) -> Response:
        return json_response({}, HTTPStatus.ACCEPTED)

    @router.route("GET", "/v1/docs/{file+}", least=None)
    def get_file(request: Request) -> Response:
        return Response(body=request.parts["file"].encode(), content_type="text/css")

    @router.route("GET", "/v1/", least=None)
    def get_root(request: Request) -> Response:
        raise ValueError("psycopg2: SELECT secret")

    return router


def test_segment_of_the_path_is_a_parameter(router: Router) -> None:
    answer = router.answer(event("GET", "/v1/tables/orders", KEYS[Kind.READER]))
    assert (answer["statusCode"], answer["body"]) == (200, '{"table": "orders"}')


def test_bytes_are_sent_as_base64(router: Router) -> None:
    answer = router.answer(event("GET", "/v1/docs/a/b.css"))
    assert (answer["body"], answer["isBase64Encoded"]) == ("YS9iLmNzcw==", True)
    assert answer["headers"]["Content-Type"] == "text/css"


@pytest.mark.parametrize("path", ["/v1/tables", "/v1/tables/a/b", "/v1/docs", "/v2", "", "/v1/tables/"])
def test_unknown_path_is_not_found(router: Router, path: str) -> None:
    assert router.answer(event("GET", path))["statusCode"] == 404


def test_other_method_is_answered_with_the_allowed_methods(router: Router) -> None:
    answer = router.answer(event("PUT", "/v1/tables/orders"))
    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize(("least", "method"), [(Kind.READER, "GET"), (Kind.WRITER, "POST")])
@pytest.mark.parametrize("kind", list(Kind))
def test_key_has_the_permissions_of_lower_kinds(router: Router, least: Kind, method: str, kind: Kind) -> None:
    answer = router.answer(event(method, "/v1/tables/orders", KEYS[kind]))
    assert (answer["statusCode"] < 300) is (kind >= least)
    assert answer["statusCode"] < 300 or answer["statusCode"] == 403


def test_answer_to_a_defect_contains_no_internal_details(router: Router, log: io.StringIO) -> None:
    answer = router.answer(event("GET", "/v1"))
    assert json.loads(answer["body"]) == {
        "type": "urn:dataforge:problem:unexpected",
        "title": "Unexpected",
        "status": 500,
        "detail": "An internal error occurred. The log describes it under this instance.",
        "instance": "r-1",
    }
    assert "ValueError" in log.getvalue()
    assert "get_root" in log.getvalue()
    assert "secret" not in log.getvalue()


def test_repeated_parameter_is_rejected() -> None:
    router = Router(Logger("test"), no_limits, lambda *_: None)

    @router.route("GET", "/v1/x", least=None)
    def get_x(request: Request) -> Response:
        return json_response(request.single_query())

    once = router.answer(event("GET", "/v1/x", multiValueQueryStringParameters={"a": ["1"], "b": ["2"]}))
    assert json.loads(once["body"]) == {"a": "1", "b": "2"}
    twice = router.answer(event("GET", "/v1/x", multiValueQueryStringParameters={"a": ["1", "2"]}))
    assert (twice["statusCode"], "a" in json.loads(twice["body"])["detail"]) == (400, True)


def test_head_is_answered_like_get_without_a_body(router: Router) -> None:
    for path in ("/v1/tables/orders", "/v1/docs/page.css", "/v1/tables/orders/nothing", "/v1"):
        get, head = (router.answer(event(method, path, KEYS[Kind.READER])) for method in ("GET", "HEAD"))
        assert get["body"]
        assert head == get | {"body": "", "isBase64Encoded": False}


def test_head_requires_the_same_key_as_get(router: Router) -> None:
    assert router.answer(event("HEAD", "/v1/tables/orders"))["statusCode"] == 403


@pytest.mark.parametrize("body", ['"' * 3_100_000, "é" * 1_100_000, bytes(4_600_000)])
def test_answer_beyond_the_limit_of_lambda_is_a_problem(router: Router, body: str | bytes) -> None:
    router.route("GET", "/v1/large", least=None)(lambda _: Response(body=body))
    answer = router.answer(event("GET", "/v1/large"))
    assert (answer["statusCode"], json.loads(answer["body"])["type"]) == (
        413,
        "urn:dataforge:problem:answer-too-large",
    )
    router.route("GET", "/v1/fitting", least=None)(lambda _: Response(body=body[: len(body) * 9 // 10]))
    assert router.answer(event("GET", "/v1/fitting"))["statusCode"] == 200


FORGED = [
    {"headers": {"x-api-key": KEYS[Kind.OPERATOR]}},
    {"headers": {"X-Api-Key": KEYS[Kind.READER], "x-api-key": KEYS[Kind.OPERATOR]}},
    {"multiValueHeaders": {"x-api-key": [KEYS[Kind.READER], KEYS[Kind.OPERATOR]]}},
    {"headers": {"requestContext": json.dumps({"identity": {"apiKey": KEYS[Kind.OPERATOR]}})}},
    {"queryStringParameters": {"apiKey": KEYS[Kind.OPERATOR]}},
    {"body": json.dumps({"requestContext": {"identity": {"apiKey": KEYS[Kind.OPERATOR]}}})},
]


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("key", [None, "", KEYS[Kind.READER]])
def test_only_the_key_that_the_gateway_has_checked_counts(
    router: Router, key: str | None, forged: dict[str, Any]
) -> None:
    assert router.answer(event("POST", "/v1/tables/orders", key, **forged))["statusCode"] == 403
    read = router.answer(event("GET", "/v1/tables/orders", key, **forged))["statusCode"]
    assert read == (200 if key else 403)


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"identity": None},
        {"identity": {}},
        {"identity": {"apiKey": None}},
        {"identity": {"apiKey": [KEYS[Kind.OPERATOR]]}},
        {"identity": {"apikey": KEYS[Kind.OPERATOR]}},
        {"identity": {"apiKey": "operator"}},
        {"authorizer": {"apiKey": KEYS[Kind.OPERATOR]}},
    ],
)
def test_request_without_the_gateways_identity_is_refused(router: Router, context: Any) -> None:
    headers = {"x-api-key": KEYS[Kind.OPERATOR]}
    answer = router.answer(event("GET", "/v1/tables/orders", requestContext=context, headers=headers))
    assert answer["statusCode"] == 403
    assert json.loads(answer["body"])["type"] == "urn:dataforge:problem:wrong-key"


def test_values_of_a_repeated_header_are_joined() -> None:
    router = Router(Logger("repeated"), no_limits, lambda *_: None)
    router.route("GET", "/v1/x", least=None)(lambda request: json_response(dict(request.headers)))
    for more in (
        {"headers": {"Idempotency-Key": "a", "idempotency-key": "b", "ACCEPT": "c"}},
        {"multiValueHeaders": {"Idempotency-Key": ["a"], "idempotency-key": ["b", "a"], "Accept": ["c"]}},
    ):
        answer = router.answer(event("GET", "/v1/x", **more))
        assert json.loads(answer["body"]) == {"idempotency-key": "a, b", "accept": "c"}


def test_lines_of_the_log_have_the_id_of_the_key_and_not_the_key(router: Router, log: io.StringIO) -> None:
    router.answer(event("GET", "/v1", KEYS[Kind.READER]))
    assert json.loads(log.getvalue().splitlines()[-1])["api_key_id"] == "key-1"
    assert KEYS[Kind.READER] not in log.getvalue()


@pytest.mark.parametrize("path", ["/v1/tables/orders", "/v1/docs/page.css", "/v1", "/v1/nothing"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_every_answer_has_the_headers_for_browsers(router: Router, method: str, path: str) -> None:
    headers = router.answer(event(method, path, KEYS[Kind.OPERATOR]))["headers"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
