"""Concurrent callers: no record is lost or stored twice, and no request fails by a deadlock."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.api.batch import read_batch
from dataforge.errors import Busy, RequestInProgress
from dataforge.http.strictjson import parse
from dataforge.postgres.connection import connect
from dataforge.postgres.roles import INGEST
from dataforge.settings import HttpSettings
from functions.ingest.batch import ingest
from functions.ingest.ledger import Claim

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
Caller = Callable[..., Any]
PLACE = {"db_host", "db_port", "db_name", "db_user", "db_auth", "db_sslmode"}


@pytest.fixture
def caller(database: Database) -> Iterator[Callable[..., Caller]]:
    """Create callers with separate connections; a call returns the document of the response."""
    opened = []
    place = database.settings(INGEST).model_dump(include=PLACE)

    def make(**limits: int) -> Caller:
        db = connect(HttpSettings.model_validate(place | limits), "for the tests")
        opened.append(db)

        def call(*records: Any, idempotency_key: str | None = None, **envelope: Any) -> Any:
            body = json.dumps({"records": records, **envelope}).encode()
            claim = None if idempotency_key is None else Claim.of("owner", idempotency_key, body)
            return json.loads(ingest(db, read_batch(parse(body)), claim).body)

        return call

    yield make
    for db in opened:
        db.close()


def codes(answer: Any) -> list[list[str]]:
    return [[e["code"] for e in result.get("errors", ())] for result in answer["results"]]


def test_twenty_requests_with_one_key_store_once(
    api: Api, sample: Sample, caller: Callable[[], Caller]
) -> None:
    records = [sample("customers", n) for n in range(200)] + [sample("orders", 9999)]
    callers, start = [caller() for _ in range(20)], threading.Barrier(20)

    def send(call: Caller) -> str:
        start.wait()
        try:
            return json.dumps(call(*records, idempotency_key="one"))
        except RequestInProgress:
            return "running"

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(send, callers)) - {"running"}
    assert len(answers) == 1
    assert '"inserted": 200,' in answers.pop()
    found = [api.count(f"dataforge.{name}") for name in ("batches", "rejections")]
    assert (api.count("olist.customers"), found) == (200, [1, 1])


@pytest.mark.parametrize("rule", ["reject", "update", "ignore"])
def test_overlapping_batches_in_any_order_never_deadlock(
    api: Api, sample: Sample, caller: Callable[[], Caller], rule: str
) -> None:
    callers, start, random = [caller() for _ in range(6)], threading.Barrier(6), Random(1)
    batches = []
    for number in range(6):
        keys = random.sample(range(700), 500)
        batch = [sample("customers", n, customer_city=f"city {number}") for n in keys]
        batch += [sample("orders", n) for n in random.sample(keys, 500)]
        random.shuffle(batch)
        batches.append(batch)

    def send(job: tuple[Caller, list[Any]]) -> Counter[tuple[str, str]]:
        start.wait()
        answer = job[0](*job[1], on_conflict=rule)
        return Counter((result["table"], result["status"]) for result in answer["results"])

    with ThreadPoolExecutor(6) as pool:
        total = sum(pool.map(send, zip(callers, batches, strict=True)), Counter[tuple[str, str]]())
    assert total.total() == 6000
    distinct = len({record["data"]["customer_id"] for batch in batches for record in batch})
    assert (total["customers", "inserted"], total["orders", "inserted"]) == (distinct, distinct)
    assert (api.count("olist.customers"), api.count("olist.orders")) == (distinct, distinct)
    assert total["orders", "unchanged"] == 3000 - distinct
    other = {"reject": "rejected", "update": "updated", "ignore": "ignored"}[rule]
    assert total["customers", other] == 3000 - distinct


@contextmanager
def while_it_waits(call: Callable[[], Any], database: Database) -> Iterator[Future[Any]]:
    """Run the call in a thread. The block starts when the call waits for a lock and ends before the call does."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call)
        while database.query(waiting) == [(0,)]:
            assert not future.done()
            time.sleep(0.01)
        yield future


@pytest.mark.parametrize(
    ("city", "ends", "status"),
    [
        ("example customer_city", "COMMIT", "unchanged"),
        ("campinas", "COMMIT", "rejected"),
        ("campinas", "ROLLBACK", "inserted"),
    ],
)
def test_record_is_compared_with_a_row_inserted_concurrently(
    api: Api, sample: Sample, caller: Callable[[], Caller], city: str, ends: str, status: str
) -> None:
    call, records = caller(), [sample("customers", 1), sample("customers", 2)]
    other = api.database.superuser()
    values = sample("customers", 1, customer_city=city)["data"]
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO olist.customers VALUES (%s, %s, %s, %s, %s)", list(values.values()))
        with while_it_waits(lambda: call(*records), api.database) as future:
            cursor.execute(ends)
        answer = future.result()
    assert [result["status"] for result in answer["results"]] == [status, "inserted"]
    assert codes(answer)[0] == (["conflict"] if status == "rejected" else [])


def test_record_whose_parent_is_deleted_concurrently_is_an_orphan(
    api: Api, sample: Sample, caller: Callable[[], Caller]
) -> None:
    call = caller()
    call(sample("customers", 1), sample("customers", 2))
    other = api.database.superuser()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("DELETE FROM olist.customers WHERE customer_id = %s", [f"{1:032x}"])
        records = [sample("orders", 1), sample("orders", 2), sample("sellers")]
        with while_it_waits(lambda: call(*records), api.database) as future:
            cursor.execute("COMMIT")
        answer = future.result()
    assert codes(answer) == [["foreign_key"], [], []]
    assert (api.count("olist.orders"), api.count("olist.sellers")) == (1, 1)


def test_lock_time_out_is_503_with_retry_after(
    api: Api, sample: Sample, caller: Callable[..., Caller]
) -> None:
    call, other = caller(db_lock_seconds=1), api.database.superuser()
    with other.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE olist.customers")
        with pytest.raises(Busy):
            call(sample("sellers"), sample("customers"), sample("orders", 9), idempotency_key="one")
        cursor.execute("ROLLBACK")
    assert [api.count(n) for n in ("olist.sellers", "dataforge.batches", "dataforge.rejections")] == [0, 0, 0]
    assert call(sample("sellers"), idempotency_key="one")["counts"]["inserted"] == 1


def test_batch_is_retried_after_a_deadlock(api: Api, sample: Sample, caller: Callable[[], Caller]) -> None:
    call, other = caller(), api.database.superuser()
    lock = "SELECT FROM olist.customers WHERE customer_id = %s FOR UPDATE"
    call(*(sample("customers", n) for n in (1, 2)))
    records = [sample("customers", n, customer_city="campinas") for n in (1, 2)]
    with other.cursor() as cursor:
        cursor.execute("BEGIN; SET LOCAL deadlock_timeout = '20s'")
        cursor.execute(lock, [f"{2:032x}"])
        with while_it_waits(lambda: call(*records, on_conflict="update"), api.database) as future:
            cursor.execute(lock, [f"{1:032x}"])
            cursor.execute("COMMIT")
        answer = future.result()
    assert answer["counts"]["updated"] == 2
