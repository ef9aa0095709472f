"""Batches over HTTP: stored once in spite of retries, limited by key, and absent from logs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from bench.api import load
from dataforge_cli.aws.api_keys import PLAN_OUTPUTS, find_value, list_keys
from local.api import KEY_NAME
from local.aws import ClientSettings
from local.outputs import Outputs

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.e2e.api.conftest import Call, MakeCustomer


@pytest.fixture
def count(superuser: Connection) -> Callable[[str], int]:
    """Return a function that counts the rows of a customer."""

    def count(customer_id: str) -> int:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM olist.customers WHERE customer_id = %s", (customer_id,))
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])

    return count


def test_batch_is_stored_and_its_report_counts_it(
    call: Call, customer: MakeCustomer, keys: dict[str, str], count: Callable[[str], int]
) -> None:
    good, bad = customer(), customer(customer_state="São Paulo")
    answer = call("POST", "/v1/records", keys["writer"], body={"records": [good, bad]})
    assert answer.status == 207
    assert answer.headers["content-type"] == "application/json"
    assert [result["status"] for result in answer.json["results"]] == ["inserted", "rejected"]
    assert [count(record["data"]["customer_id"]) for record in (good, bad)] == [1, 0]
    listed = call("GET", f"/v1/rejections?batch_id={answer.json['batch_id']}", keys["writer"]).json["data"]
    assert [(r["raw"], r["source"]["index"]) for r in listed] == [(bad["data"], 1)]


def test_retry_gets_the_first_answer_and_stores_nothing(
    call: Call, customer: MakeCustomer, keys: dict[str, str], count: Callable[[str], int]
) -> None:
    record, key = customer(), secrets.token_hex(8)
    headers, body = {"idempotency-key": key}, {"records": [record]}
    first, second = (call("POST", "/v1/records", keys["writer"], headers, body) for _ in range(2))
    assert (first.status, first.body) == (second.status, second.body)
    assert count(record["data"]["customer_id"]) == 1
    assert call("GET", f"/v1/batches?idempotency_key={key}", keys["writer"]).body == first.body
    assert call("GET", f"/v1/batches?idempotency_key={key}", keys["operator"]).problem == (404, "not-found")
    other = call("POST", "/v1/records", keys["writer"], headers, {"records": [customer()]})
    assert other.problem == (422, "key-reused")


def test_8_concurrent_requests_with_one_key_store_once(
    call: Call, customer: MakeCustomer, keys: dict[str, str], count: Callable[[str], int]
) -> None:
    record, headers = customer(), {"idempotency-key": secrets.token_hex(8)}

    def post(_: int) -> Any:
        return call("POST", "/v1/records", keys["writer"], headers, {"records": [record]})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.body for answer in answers if answer.status == 200}) == 1
    assert count(record["data"]["customer_id"]) == 1


def test_records_of_8_concurrent_callers_are_stored_exactly_once(cloud: Outputs) -> None:
    outcome = load.run(cloud, callers=8, seconds=2)
    assert outcome.failures == []
    assert outcome.answers.keys() <= {200, 429, 503}
    assert outcome.sent == outcome.inserted == outcome.stored >= 8 * load.RECORDS


@pytest.fixture
def slow_key(cloud: Outputs, aws: ClientSettings) -> Iterator[str]:
    """A key with a limit of one request, refilled once a day."""
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


def test_request_beyond_the_rate_limit_is_429_with_retry_after(call: Call, slow_key: str) -> None:
    answers = [call("GET", "/v1/nothing", slow_key) for _ in range(2)]
    assert answers[0].problem == (404, "not-found")
    assert answers[1].problem == (429, "too-many-requests")
    assert answers[1].headers["retry-after"] == "1"


def test_every_kind_has_one_key_that_another_start_reuses(cloud: Outputs, aws: ClientSettings) -> None:
    client = boto3.client("apigateway", **aws)
    for kind, output in {"reader": "reader_key", "writer": "writer_key", "operator": "api_key"}.items():
        plan = cloud[PLAN_OUTPUTS[kind]]
        assert [key.name for key in list_keys(client, {kind: plan})].count(KEY_NAME) == 1
        assert find_value(client, plan, kind, KEY_NAME) == cloud[output]


def test_logs_contain_no_key_and_no_record(
    call: Call, customer: MakeCustomer, keys: dict[str, str], aws: ClientSettings
) -> None:
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
