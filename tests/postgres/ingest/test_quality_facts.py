"""Quality facts of batches: records read and rejected by table, and failures by rule."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from psycopg2.extensions import make_dsn
from psycopg2.extras import LoggingConnection

from dataforge.api.batch import Batch
from dataforge.postgres.roles import INGEST
from functions.ingest.answer import BatchAnswer
from functions.ingest.batch import ingest
from functions.ingest.ledger import Claim

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]


def facts(api: Api) -> dict[str, tuple[int, int, int, Any]]:
    """The facts of the only batch: table -> read, accepted, rejected, rules."""
    rows = api.database.query('SELECT "table", read, accepted, rejected, rules FROM dataforge.quality_facts')
    found = {table: tuple(figures) for table, *figures in rows}
    assert len(found) == len(rows)
    return found


def test_batch_stores_one_fact_per_table(api: Api, sample: Sample) -> None:
    reply = api.post(*(sample("customers", n) for n in (1, 1, 2)), sample("orders", 1), sample("orders", 9))
    assert facts(api) == {
        "customers": (3, 3, 0, {}),
        "orders": (2, 1, 1, {"customer_id": {"foreign_key": 1}}),
    }
    kept = api.database.query("SELECT DISTINCT source, source_id, dataset FROM dataforge.quality_facts")
    assert kept == [("batch", reply.json["batch_id"], "olist")]


def test_broken_rules_are_counted_by_column_and_code(api: Api, sample: Sample) -> None:
    api.post(
        sample("customers", 1),
        sample("customers", 1, customer_city="campinas"),
        sample("customers", 2, customer_state="?", customer_city=None),
        sample("customers", 3, customer_state="?", more=1, and_more=2),
    )
    rules = {
        "": {"duplicate_in_batch": 1, "unknown_column": 1},
        "customer_state": {"string_pattern_mismatch": 2},
        "customer_city": {"string_type": 1},
    }
    assert facts(api) == {"customers": (4, 1, 3, rules)}


def test_fact_and_rows_are_written_by_one_transaction(api: Api, sample: Sample) -> None:
    api.post(sample("customers"), sample("customers", 2, customer_state="?"), idempotency_key="one")
    relations = ("olist.customers", "dataforge.quality_facts", "dataforge.rejections", "dataforge.batches")
    writers = {api.database.query(f"SELECT xmin::text FROM {relation}")[0][0] for relation in relations}
    assert len(writers) == 1


def test_repeated_batch_and_dry_run_store_no_fact(api: Api, sample: Sample) -> None:
    for _ in range(2):
        api.post(sample("customers"), idempotency_key="one")
    api.post(sample("customers", 2, customer_state="?"), mode="dry_run")
    assert facts(api) == {"customers": (1, 1, 0, {})}


def test_failed_atomic_batch_accepted_nothing(api: Api, sample: Sample) -> None:
    api.post(sample("customers"), sample("customers", 2, customer_state="?"), mode="atomic")
    rules = {"": {"not_atomic": 1}, "customer_state": {"string_pattern_mismatch": 1}}
    assert facts(api) == {"customers": (2, 0, 2, rules)}


def test_record_for_an_unknown_table_has_no_fact(api: Api, sample: Sample) -> None:
    assert api.post({"table": "nothing", "data": {}}).status == 422
    assert facts(api) == {}
    api.post({"table": "nothing", "data": {}}, sample("customers"))
    assert facts(api) == {"customers": (1, 1, 0, {})}


class Sent(list[str]):
    """The statements sent to the database except BEGIN and COMMIT: one text per round trip."""

    write = list.append


@pytest.fixture
def sent_over() -> Callable[[Database], tuple[Connection, Sent]]:
    """Create a connection of the ingest function and the record of its statements."""

    def connect(database: Database) -> tuple[Connection, Sent]:
        place = database.settings(INGEST)
        login = make_dsn(user=INGEST, password="for the tests", dbname=place.db_name)
        login = make_dsn(login, host=place.db_host, port=place.db_port)
        db = psycopg2.connect(login, connection_factory=LoggingConnection)
        sent = Sent()
        db.initialize(sent)
        return db, sent

    return connect


def stored(db: Connection, records: list[dict[str, Any]], key: str | None = None) -> tuple[int, int]:
    """The inserted and rejected records of a batch."""
    answer = ingest(
        db, Batch.model_validate({"records": records}), Claim("owner", key, "hash") if key else None
    )
    assert isinstance(answer, BatchAnswer)
    return answer.counts["inserted"], answer.counts["rejected"]


def commands(sent: Sent) -> list[str]:
    """The first word of each round trip; INSERT for the statement that expects new rows."""
    return ["INSERT" if text.startswith("WITH declared") else text.split()[0] for text in sent]


def test_batch_takes_one_round_trip_per_table_and_two_for_its_outcome(
    api: Api, sample: Sample, sent_over: Callable[[Database], tuple[Connection, Sent]]
) -> None:
    api.post(*(sample("customers", n) for n in range(400)))
    records = [sample("orders", n) for n in range(400)]
    records += [sample("orders", 10_000 + n) for n in range(300)]
    records += [sample("customers", n, customer_city="campinas") for n in range(300)]
    db, sent = sent_over(api.database)
    with closing(db):
        assert stored(db, records[-1:] + records[400:401]) == (0, 2)
        sent.clear()
        assert stored(db, records, "one") == (400, 600)
    assert commands(sent) == ["LOCK", "WITH", "WITH", "SET", "INSERT"]
    tables = ["rejections", "quality_facts", "batches", "rejected_texts"]
    assert [name for name in tables if f" dataforge.{name} " in sent[-1]] == tables


def test_rows_are_expected_to_be_new_if_those_of_the_last_batch_were(
    api: Api, sample: Sample, sent_over: Callable[[Database], tuple[Connection, Sent]]
) -> None:
    db, sent = sent_over(api.database)
    with closing(db):
        assert stored(db, [sample("customers", n) for n in (1, 2)] + [sample("orders", 1)]) == (3, 0)
        # A connection reads once whether the server's log has errors.
        assert commands(sent) == ["SELECT", "INSERT", "INSERT", "SET"]
        for record, found, expected in (
            (sample("customers", 1), (0, 0), ["INSERT", "WITH", "SET"]),
            (sample("customers", 1, customer_city="campinas"), (0, 1), ["WITH", "SET", "INSERT"]),
            (sample("customers", 3), (1, 0), ["WITH", "SET"]),
            (sample("customers", 4), (1, 0), ["INSERT", "SET"]),
            (sample("orders", 9), (0, 1), ["INSERT", "WITH", "SET", "INSERT"]),
        ):
            sent.clear()
            assert (stored(db, [record]), commands(sent)) == (found, expected)
