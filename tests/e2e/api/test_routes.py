"""Every route over HTTP: who gets in, and what is answered to what cannot be."""

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
"""Whoever is let in is told so, and nothing starts."""


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
def test_every_route_lets_in_the_kinds_of_key_that_it_tells_of(
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
def test_key_that_nobody_made_opens_nothing(call: Call, path: str, forged: str) -> None:
    assert call("GET", path, forged).problem == (403, "wrong-key")


def test_kind_is_what_the_gateway_vouched_for_and_no_claim(call: Call, keys: dict[str, str]) -> None:
    claimed = "operator" + keys["reader"].removeprefix("reader")
    assert call("GET", "/v1/rejections", claimed).problem == (403, "wrong-key")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/records/1", "/v1/health/x", "/v1/docs/nothing.js"])
def test_unknown_address(call: Call, keys: dict[str, str], path: str) -> None:
    assert call("GET", path, keys["writer"]).problem == (404, "not-found")


@pytest.mark.parametrize("path", ["", "/", "/v2/records", "/nothing"])
def test_address_outside_of_the_api(call: Call, path: str) -> None:
    assert call("GET", path).problem == (404, "not-found")


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/health", "/v1/docs", "/v1/rejections", "/v1/batches", "/v1/openapi.json"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_known_address_with_another_method(call: Call, keys: dict[str, str], path: str, method: str) -> None:
    answer = call(method, path, keys["writer"])
    assert answer.problem == (405, "wrong-method")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "headers", [{}, {"accept-encoding": "gzip"}, {"accept-encoding": "gzip", "accept": "*/*"}]
)
def test_answers_reach_who_does_not_say_what_he_accepts(
    call: Call, keys: dict[str, str], headers: dict[str, str]
) -> None:
    assert (
        call("GET", "/v1/tables", keys["reader"], headers).json["data"][0]["name"] == "category_translations"
    )


def test_records_are_not_to_be_got(call: Call, keys: dict[str, str]) -> None:
    answer = call("GET", "/v1/records", keys["writer"])
    assert answer.problem == (405, "wrong-method")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "declared", ["text/plain", "application/xml", "application/json; charset=latin-1", ""]
)
def test_body_of_another_type(
    call: Call, customer: MakeCustomer, keys: dict[str, str], declared: str
) -> None:
    body = json.dumps({"records": [customer()]}).encode()
    answer = call("POST", "/v1/records", keys["writer"], {"content-type": declared}, body)
    assert answer.problem == (415, "wrong-media-type")


def test_body_of_5_megabytes(call: Call, customer: MakeCustomer, keys: dict[str, str]) -> None:
    body = {"records": [customer(customer_city="x" * 5_000_000)]}
    assert call("POST", "/v1/records", keys["writer"], body=body).problem == (413, "body-too-large")


def test_body_of_nearly_4_megabytes_of_quotes_is_taken(
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
def test_body_that_is_no_batch(call: Call, keys: dict[str, str], body: bytes, kind: str) -> None:
    answer = call("POST", "/v1/records", keys["writer"], {"content-type": "application/json"}, body)
    assert answer.problem == (400, kind)


@pytest.mark.parametrize("path", [*OPEN, "/v1/tables/orders/records?limit=1", "/v1/nothing"])
def test_head_is_answered_as_get_is_without_a_body(call: Call, keys: dict[str, str], path: str) -> None:
    get, head = (call(method, path, keys["reader"]) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert head.headers.get("etag") == get.headers.get("etag")
    if path in OPEN:
        assert call("HEAD", path).status == 200


def test_compressed_batch_is_understood(call: Call, keys: dict[str, str], customer: MakeCustomer) -> None:
    body = gzip.compress(json.dumps({"mode": "dry_run", "records": [customer()]}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = call("POST", "/v1/records", keys["writer"], headers, body)
    assert (answer.status, answer.json["counts"]["valid"]) == (200, 1)
    refused = call("POST", "/v1/records", keys["writer"], headers | {"content-encoding": "br"}, body)
    assert refused.problem == (415, "wrong-content-encoding")
