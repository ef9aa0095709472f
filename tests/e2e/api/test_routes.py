"""Every route over HTTP: access by kind of key, and responses to invalid requests."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.api.document import build

if TYPE_CHECKING:
    from tests.e2e.api.conftest import Call, MakeCustomer


KINDS = ("none", "reader", "writer", "operator")
OPEN = ["/v1", "/v1/", "/v1/docs", "/v1/docs/page.js", "/v1/openapi.json", "/v1/health"]
OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in build()["paths"].items()
    for method, operation in item.items()
]
PARTS = {"file": "page.js", "id": "20000101T000000Z-0123abcd", "table": "orders"}
NO_BODY_OF_ANY_ROUTE = {"nonsense": 1}
"""A body that no route accepts: an authorized request is answered, and nothing starts."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", OPEN)
def test_open_routes_answer_with_and_without_a_key(
    call: Call, keys: dict[str, str], path: str, kind: str
) -> None:
    assert call("GET", path, keys[kind]).status == 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=[f"{method} {path}" for method, path, _ in OPERATIONS]
)
def test_every_route_accepts_exactly_the_documented_kinds_of_key(
    call: Call, keys: dict[str, str], method: str, path: str, operation: Any, kind: str
) -> None:
    wanted = [least for needs in operation["security"] for least in needs["key"]]
    body = None if method == "GET" else NO_BODY_OF_ANY_ROUTE
    answer = call(method, path.format_map(PARTS), keys[kind], body=body)
    if all(KINDS.index(kind) >= KINDS.index(least) for least in wanted):
        assert str(answer.status) in operation["responses"]
        assert answer.status not in {403, 429, 500, 503}
    else:
        assert answer.problem == (403, "wrong-key")


@pytest.mark.parametrize("forged", ["writer." + "0" * 48, "operator." + "0" * 48, "operator", "x" * 60])
@pytest.mark.parametrize("path", ["/v1/rejections", "/v1/backups"])
def test_unknown_key_is_refused(call: Call, path: str, forged: str) -> None:
    assert call("GET", path, forged).problem == (403, "wrong-key")


def test_kind_of_key_is_the_one_that_the_gateway_verified(call: Call, keys: dict[str, str]) -> None:
    claimed = "operator" + keys["reader"].removeprefix("reader")
    assert call("GET", "/v1/rejections", claimed).problem == (403, "wrong-key")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/records/1", "/v1/health/x", "/v1/docs/nothing.js"])
def test_unknown_path_is_404(call: Call, keys: dict[str, str], path: str) -> None:
    assert call("GET", path, keys["writer"]).problem == (404, "not-found")


@pytest.mark.parametrize("path", ["", "/", "/v2/records", "/nothing"])
def test_path_outside_of_the_api_is_404(call: Call, path: str) -> None:
    assert call("GET", path).problem == (404, "not-found")


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/health", "/v1/docs", "/v1/rejections", "/v1/batches", "/v1/openapi.json"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_known_path_with_another_method_is_405(
    call: Call, keys: dict[str, str], path: str, method: str
) -> None:
    answer = call(method, path, keys["writer"])
    assert answer.problem == (405, "wrong-method")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "headers", [{}, {"accept-encoding": "gzip"}, {"accept-encoding": "gzip", "accept": "*/*"}]
)
def test_json_is_delivered_for_any_accept_headers(
    call: Call, keys: dict[str, str], headers: dict[str, str]
) -> None:
    assert (
        call("GET", "/v1/tables", keys["reader"], headers).json["data"][0]["name"] == "category_translations"
    )


def test_get_of_records_is_405(call: Call, keys: dict[str, str]) -> None:
    answer = call("GET", "/v1/records", keys["writer"])
    assert answer.problem == (405, "wrong-method")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "declared", ["text/plain", "application/xml", "application/json; charset=latin-1", ""]
)
def test_body_of_another_type_is_415(
    call: Call, customer: MakeCustomer, keys: dict[str, str], declared: str
) -> None:
    body = json.dumps({"records": [customer()]}).encode()
    answer = call("POST", "/v1/records", keys["writer"], {"content-type": declared}, body)
    assert answer.problem == (415, "wrong-media-type")


def test_body_of_5_megabytes_is_413(call: Call, customer: MakeCustomer, keys: dict[str, str]) -> None:
    body = {"records": [customer(customer_city="x" * 5_000_000)]}
    assert call("POST", "/v1/records", keys["writer"], body=body).problem == (413, "body-too-large")


def test_body_of_nearly_4_megabytes_of_quotes_is_accepted(
    call: Call, customer: MakeCustomer, keys: dict[str, str]
) -> None:
    body = {"records": [customer(customer_state='"' * 1_900_000)]}
    answer = call("POST", "/v1/records", keys["writer"], body=body)
    assert (answer.status, answer.json["counts"]["rejected"]) == (422, 1)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "not-json"),
        (b"nonsense", "not-json"),
        (b'{"records": [{"table": "customers", "data": {"customer_city": "\xff"}}]}', "not-json"),
        (b'{"records": [], "records": []}', "not-json"),
        (b'{"records": [NaN]}', "not-json"),
        (b"[" * 100_000, "not-json"),
        (b"{}", "invalid-request"),
        (b'{"records": []}', "invalid-request"),
        (b'{"records": [{}], "more": 1}', "invalid-request"),
    ],
)
def test_body_that_is_not_a_batch_is_400(call: Call, keys: dict[str, str], body: bytes, kind: str) -> None:
    answer = call("POST", "/v1/records", keys["writer"], {"content-type": "application/json"}, body)
    assert answer.problem == (400, kind)


@pytest.mark.parametrize("path", [*OPEN, "/v1/tables/orders/records?limit=1", "/v1/nothing"])
def test_head_returns_the_headers_of_get_without_a_body(call: Call, keys: dict[str, str], path: str) -> None:
    get, head = (call(method, path, keys["reader"]) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers.get("etag") == get.headers.get("etag")
    if path in OPEN:
        assert call("HEAD", path).status == 200


def test_compressed_batch_is_accepted(call: Call, keys: dict[str, str], customer: MakeCustomer) -> None:
    body = gzip.compress(json.dumps({"mode": "dry_run", "records": [customer()]}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = call("POST", "/v1/records", keys["writer"], headers, body)
    assert (answer.status, answer.json["counts"]["valid"]) == (200, 1)
    refused = call("POST", "/v1/records", keys["writer"], headers | {"content-encoding": "br"}, body)
    assert refused.problem == (415, "wrong-content-encoding")
