"""Every route over HTTP: who gets in, and what is answered to what cannot be."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from psycopg2.extensions import connection

from dataforge_cli.api_keys import PLAN_OUTPUTS, find_value, list_keys
from local.api import KEY_NAME
from local.aws import ClientSettings
from local.outputs import Outputs

KINDS = ("none", "reader", "writer", "operator")
OPEN = ["/v1", "/v1/", "/v1/docs", "/v1/docs/page.js", "/v1/openapi.json", "/v1/health"]
WRITERS: dict[str, tuple[str, str, Any]] = {
    "records": ("POST", "/v1/records", {"records": [{"table": "customers", "data": {}}]}),
    "batches": ("GET", "/v1/batches?idempotency_key=never-used", None),
    "rejections": ("GET", "/v1/rejections?limit=1", None),
}


def customer(**changes: Any) -> dict[str, Any]:
    """A record that nobody else sends."""
    data = {
        "customer_id": secrets.token_hex(16),
        "customer_unique_id": secrets.token_hex(16),
        "customer_zip_code_prefix": "01310",
        "customer_city": "são paulo",
        "customer_state": "SP",
    }
    return {"table": "customers", "data": {**data, **changes}}


def assert_problem(answer: Any, status: int, kind: str) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["type"] == f"urn:dataforge:problem:{kind}"
    assert problem["status"] == status
    assert all(isinstance(problem[name], str) and problem[name] for name in ("title", "detail", "instance"))


@pytest.fixture
def count(superuser: connection) -> Callable[[str], int]:
    """How often a customer is stored."""

    def count(customer_id: str) -> int:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM olist.customers WHERE customer_id = %s", (customer_id,))
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])

    return count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", OPEN)
def test_open_routes_answer_with_and_without_a_key(
    call: Any, keys: dict[str, str], path: str, kind: str
) -> None:
    assert call("GET", path, keys[kind]).status == 200


@pytest.mark.parametrize("route", WRITERS)
@pytest.mark.parametrize("kind", KINDS)
def test_other_routes_want_a_writers_key(call: Any, keys: dict[str, str], route: str, kind: str) -> None:
    method, path, body = WRITERS[route]
    answer = call(method, path, keys[kind], body=body)
    if kind in {"writer", "operator"}:
        assert answer.status == {"records": 422, "batches": 404, "rejections": 200}[route]
    else:
        assert_problem(answer, 403, "wrong-key")


@pytest.mark.parametrize("forged", ["writer." + "0" * 48, "operator", "x" * 60])
def test_key_that_nobody_made_opens_nothing(call: Any, forged: str) -> None:
    assert_problem(call("GET", "/v1/rejections", forged), 403, "wrong-key")


def test_kind_is_what_the_gateway_vouched_for_and_no_claim(call: Any, keys: dict[str, str]) -> None:
    claimed = "operator" + keys["reader"].removeprefix("reader")
    assert_problem(call("GET", "/v1/rejections", claimed), 403, "wrong-key")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/records/1", "/v1/health/x", "/v1/docs/nothing.js"])
def test_unknown_address(call: Any, keys: dict[str, str], path: str) -> None:
    assert_problem(call("GET", path, keys["writer"]), 404, "not-found")


@pytest.mark.parametrize("path", ["", "/", "/v2/records", "/nothing"])
def test_address_outside_of_the_api(call: Any, path: str) -> None:
    assert_problem(call("GET", path), 404, "not-found")


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/health", "/v1/docs", "/v1/rejections", "/v1/batches", "/v1/openapi.json"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_known_address_with_another_method(call: Any, keys: dict[str, str], path: str, method: str) -> None:
    answer = call(method, path, keys["writer"])
    assert_problem(answer, 405, "wrong-method")
    assert answer.headers["allow"] == "GET"


def test_records_are_not_to_be_got(call: Any, keys: dict[str, str]) -> None:
    answer = call("GET", "/v1/records", keys["writer"])
    assert_problem(answer, 405, "wrong-method")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "declared", ["text/plain", "application/xml", "application/json; charset=latin-1", ""]
)
def test_body_of_another_type(call: Any, keys: dict[str, str], declared: str) -> None:
    body = json.dumps({"records": [customer()]}).encode()
    answer = call("POST", "/v1/records", keys["writer"], {"content-type": declared}, body)
    assert_problem(answer, 415, "wrong-media-type")


def test_body_of_5_megabytes(call: Any, keys: dict[str, str]) -> None:
    body = {"records": [customer(customer_city="x" * 5_000_000)]}
    assert_problem(call("POST", "/v1/records", keys["writer"], body=body), 413, "body-too-large")


def test_body_of_nearly_4_megabytes_of_quotes_is_taken(call: Any, keys: dict[str, str]) -> None:
    body = {"records": [customer(customer_city='"' * 1_900_000)]}
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
def test_body_that_is_no_batch(call: Any, keys: dict[str, str], body: bytes, kind: str) -> None:
    answer = call("POST", "/v1/records", keys["writer"], {"content-type": "application/json"}, body)
    assert_problem(answer, 400, kind)


def test_batch_is_stored_and_told(call: Any, keys: dict[str, str], count: Callable[[str], int]) -> None:
    good, bad = customer(), customer(customer_state="São Paulo")
    answer = call("POST", "/v1/records", keys["writer"], body={"records": [good, bad]})
    assert answer.status == 207
    assert answer.headers["content-type"] == "application/json"
    assert [result["status"] for result in answer.json["results"]] == ["inserted", "rejected"]
    assert [count(record["data"]["customer_id"]) for record in (good, bad)] == [1, 0]
    listed = call("GET", f"/v1/rejections?batch_id={answer.json['batch_id']}", keys["writer"]).json["data"]
    assert [(r["raw"], r["source"]["index"]) for r in listed] == [(bad["data"], 1)]


def test_repeated_request_is_answered_as_the_first_and_stores_nothing(
    call: Any, keys: dict[str, str], count: Callable[[str], int]
) -> None:
    record, key = customer(), secrets.token_hex(8)
    headers, body = {"idempotency-key": key}, {"records": [record]}
    first, second = (call("POST", "/v1/records", keys["writer"], headers, body) for _ in range(2))
    assert (first.status, first.body) == (second.status, second.body)
    assert count(record["data"]["customer_id"]) == 1
    assert call("GET", f"/v1/batches?idempotency_key={key}", keys["writer"]).body == first.body
    assert_problem(call("GET", f"/v1/batches?idempotency_key={key}", keys["operator"]), 404, "not-found")
    other = call("POST", "/v1/records", keys["writer"], headers, {"records": [customer()]})
    assert_problem(other, 422, "key-reused")


def test_20_at_once_under_one_key_store_once(
    call: Any, keys: dict[str, str], count: Callable[[str], int]
) -> None:
    record, headers = customer(), {"idempotency-key": secrets.token_hex(8)}

    def post(_: int) -> Any:
        return call("POST", "/v1/records", keys["writer"], headers, {"records": [record]})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    assert count(record["data"]["customer_id"]) == 1


@pytest.fixture
def slow_key(cloud: Outputs, aws: ClientSettings) -> Iterator[str]:
    """A key that may ask once, and once a day after that."""
    client = boto3.client("apigateway", **aws)
    api, stage = cloud["api_url"].rsplit("/", 2)[1:]
    plan = client.create_usage_plan(
        name="slow",
        apiStages=[{"apiId": api, "stage": stage}],
        throttle={"rateLimit": 0.001, "burstLimit": 1},
    )
    key = client.create_api_key(name="slow", value="reader." + secrets.token_hex(24), enabled=True)
    client.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    yield key["value"]
    client.delete_api_key(apiKey=key["id"])
    client.delete_usage_plan(usagePlanId=plan["id"])


def test_who_asks_too_often_is_told_when_to_come_back(call: Any, slow_key: str) -> None:
    answers = [call("GET", "/v1/nothing", slow_key) for _ in range(2)]
    assert_problem(answers[0], 404, "not-found")
    assert_problem(answers[1], 429, "too-many-requests")
    assert answers[1].headers["retry-after"] == "1"


def test_every_kind_has_one_key_and_another_start_would_find_it(cloud: Outputs, aws: ClientSettings) -> None:
    client = boto3.client("apigateway", **aws)
    for kind, output in {"reader": "reader_key", "writer": "writer_key", "operator": "api_key"}.items():
        plan = cloud[PLAN_OUTPUTS[kind]]
        assert [key.name for key in list_keys(client, {kind: plan})].count(KEY_NAME) == 1
        assert find_value(client, plan, kind, KEY_NAME) == cloud[output]


def test_no_key_and_no_record_is_in_a_log(call: Any, keys: dict[str, str], aws: ClientSettings) -> None:
    secret = secrets.token_hex(16)
    call(
        "POST",
        "/v1/records",
        keys["writer"],
        body={"records": [customer(customer_city=secret, customer_state="x")]},
    )
    client = boto3.client("logs", **aws)
    groups = [
        g["logGroupName"] for g in client.describe_log_groups()["logGroups"] if "Ingest" in g["logGroupName"]
    ]
    assert groups
    for group in groups:
        for stream in client.describe_log_streams(logGroupName=group)["logStreams"]:
            events = client.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])[
                "events"
            ]
            text = "\n".join(event["message"] for event in events)
            assert secret not in text
            assert not [kind for kind, key in keys.items() if key and key in text]
