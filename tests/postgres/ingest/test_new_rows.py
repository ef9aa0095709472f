"""Batches whose rows are expected to be new have the results of the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.api.batch import Batch
from dataforge.postgres.roles import INGEST
from dataforge.tables.datasets import get_dataset
from functions.ingest.answer import BatchAnswer
from functions.ingest.batch import ingest
from functions.ingest.candidates import Candidates
from functions.ingest.new_rows import learn
from local import postgres

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

Sample = Callable[..., dict[str, Any]]
KEYS = st.integers(1, 5)
RECORDS = st.lists(
    st.tuples(st.just("customers"), KEYS, st.sampled_from(["rio", "sp", ""]))
    | st.tuples(st.sampled_from(["orders", "order_payments"]), KEYS, st.just("")),
    min_size=1,
    max_size=8,
)
TABLES = ("order_payments", "orders", "customers")
OLIST = get_dataset("olist")


@pytest.mark.parametrize("level", ["warning", "log"])
def test_server_log_contains_no_record_of_a_batch_with_a_stored_key(
    database: Database, sample: Sample, level: str
) -> None:
    with set_level(database, level):
        db = database.connect(INGEST)
        outcome(db, database, [sample("customers", 1, customer_city="secret")], "partial")
        again = [sample("customers", key, customer_city="secret") for key in (1, 2)]
        status, body, _ = outcome(db, database, again, "partial")
    assert (status, [result["status"] for result in body["results"]]) == (200, ["unchanged", "inserted"])
    assert "secret" not in postgres.log(database.server.config).read_text()


@contextmanager
def set_level(database: Database, level: str) -> Iterator[None]:
    """Set the least severe messages of the server's log for a block."""
    set_to, reload = "ALTER SYSTEM SET log_min_messages = '{}'", "SELECT pg_reload_conf()"
    database.server.run(set_to.format(level), reload)
    try:
        yield
    finally:
        database.server.run(set_to.format("log"), reload)


def outcome(db: Connection, database: Database, records: list[dict[str, Any]], mode: str) -> tuple[Any, ...]:
    """The batch's response without its id, and the stored rows."""
    answer = ingest(db, Batch.model_validate({"records": records, "mode": mode}))
    assert isinstance(answer, BatchAnswer)
    rows = [database.query(f"SELECT * FROM olist.{table} ORDER BY 1") for table in TABLES]
    return answer.status, json.loads(answer.body) | {"batch_id": ""}, rows


@given(
    stored=st.sets(KEYS, max_size=3),
    batch=RECORDS,
    mode=st.sampled_from(["partial", "partial", "atomic", "dry_run"]),
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_expectation_of_new_rows_changes_no_result(
    database: Database, sample: Sample, stored: set[int], batch: list[tuple[str, int, str]], mode: str
) -> None:
    records = [
        sample(table, key, **({"customer_city": city} if table == "customers" else {}))
        for table, key, city in batch
    ]
    db = database.connect(INGEST)
    found = []
    for inserted in (True, False):
        database.query("; ".join(f"DELETE FROM olist.{table}" for table in TABLES))
        if stored:
            outcome(
                db, database, [sample("customers", key, customer_city="rio") for key in stored], "partial"
            )
        for table in TABLES:
            learn(db, Candidates(OLIST.table(table), [], []), inserted=inserted)
        found.append(outcome(db, database, records, mode))
    assert found[0] == found[1]
