"""A burst beyond the concurrency of a new AWS account: each request is answered or receives 503 with Retry-After."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
import urllib3

from dataforge.postgres.roles import DELIVER, INGEST
from local import cloud as embedded
from local.aws import client_settings
from local.config import Config
from local.outputs import Outputs

CALLERS, REQUESTS = 130, 260
REFUSED = {429, 503, 504}
"""A caller repeats such a request. The last is that of a function that did not answer in time, on a busy machine."""
QUOTES = "author,text,tags\n" + "".join(f"Author {n},Text {n},a;b\n" for n in range(100))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Outputs]:
    """A separate embedded cloud, limited to ten concurrent executions."""
    state: Path = tmp_path_factory.mktemp("burst") / "state"
    with embedded.running(Config(state=state, aws_port=free_port(), pg_port=free_port())) as outputs:
        yield outputs


@dataclass(frozen=True)
class Answer:
    """The response to a request."""

    request: str
    status: int
    retry_after: str | None


def record() -> bytes:
    """A batch of one record."""
    data = {
        "customer_id": secrets.token_hex(16),
        "customer_unique_id": secrets.token_hex(16),
        "customer_zip_code_prefix": "01310",
        "customer_city": "são paulo",
        "customer_state": "SP",
    }
    return json.dumps({"records": [{"table": "customers", "data": data}]}).encode()


def burst(cloud: Outputs, requests: Sequence[tuple[str, str, str, bytes | None]]) -> list[Answer]:
    """Send (method, path, key, body) from the maximum number of callers, all of which begin at the same moment."""
    ready = threading.Barrier(CALLERS)

    def call(first: int) -> list[Answer]:
        pool = urllib3.PoolManager(retries=False, timeout=60)
        ready.wait()
        return [send(pool, *requests[place]) for place in range(first, len(requests), CALLERS)]

    def send(pool: urllib3.PoolManager, method: str, path: str, key: str, body: bytes | None) -> Answer:
        headers = {
            "x-api-key": key,
            "content-type": "application/json",
            "idempotency-key": secrets.token_hex(8),
        }
        answer = pool.request(method, cloud["api_url"] + path, headers=headers, body=body)
        return Answer(f"{method} {path}", answer.status, answer.headers.get("retry-after"))

    with ThreadPoolExecutor(CALLERS) as callers:
        return [answer for answers in callers.map(call, range(CALLERS)) for answer in answers]


def check(answers: list[Answer]) -> None:
    assert len(answers) == REQUESTS
    assert {answer.status for answer in answers} <= {200, 202} | REFUSED, Counter(
        (a.request, a.status) for a in answers
    )
    assert all(answer.retry_after for answer in answers if answer.status in REFUSED)
    assert any(answer.status in {200, 202} for answer in answers)


def migrate(cloud: Outputs) -> dict[str, Any]:
    """Migrate some quotes; the execution as Step Functions describes it when it has ended."""
    aws = client_settings(cloud)
    prefix = f"burst-{secrets.token_hex(4)}/"
    boto3.client("s3", **aws).put_object(
        Bucket=cloud["raw_bucket"], Key=f"{prefix}quotes.csv", Body=QUOTES.encode()
    )
    states = boto3.client("stepfunctions", **aws)
    given = json.dumps({"dataset": "quotes", "prefix": prefix})
    execution = states.start_execution(stateMachineArn=cloud["migration_arn"], input=given)["executionArn"]
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.2)
    return dict(found)


def sessions(cloud: Outputs, role: str) -> int:
    db = psycopg2.connect(cloud["database_url"])
    with db.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (role,))
        (found,) = cursor.fetchone() or (0,)
    db.close()
    return int(found)


def test_burst_of_writers_is_answered_or_refused_with_503_and_a_migration_succeeds(cloud: Outputs) -> None:
    requests = [("POST", "/v1/records", cloud["writer_key"], record()) for _ in range(REQUESTS)]
    check(burst(cloud, requests))
    assert sessions(cloud, INGEST) <= 10
    found = migrate(cloud)
    assert found["status"] == "SUCCEEDED", found.get("cause")


def test_burst_of_every_kind_of_request_is_answered_or_refused_with_503(cloud: Outputs) -> None:
    reader = cloud["reader_key"]
    kinds = [
        ("POST", "/v1/records", cloud["writer_key"], record()),
        ("GET", "/v1/tables/customers/records", reader, None),
        ("POST", "/v1/exports", reader, b'{"table": "customers"}'),
        ("GET", "/v1/health", "", None),
    ]
    check(burst(cloud, [*itertools.islice(itertools.cycle(kinds), REQUESTS)]))
    assert sessions(cloud, DELIVER) <= 10
    found = migrate(cloud)
    assert found["status"] == "SUCCEEDED", found.get("cause")
