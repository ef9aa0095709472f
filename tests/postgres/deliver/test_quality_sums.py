"""Sums of quality facts by day: reports are those of the single facts, whenever facts are committed and summed."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg2.errors
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.postgres.roles import DELIVER, INGEST, LOGINS, SUM_QUALITY
from dataforge.tables.datasets import get_dataset
from functions.deliver.quality.report import describe_quality
from functions.deliver.quality.sums import sum_facts
from functions.schema.apply.apply import apply

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

OLIST = get_dataset("olist")
FACT = """
    INSERT INTO dataforge.quality_facts (source, source_id, dataset, "table", at, read, accepted, rejected, rules)
    VALUES ('batch', gen_random_uuid(), 'olist', %s, now() - %s * interval '1 minute', %s, %s, %s, %s)
"""
SINGLE = """
    SELECT coalesce(sum(read), 0)::bigint, coalesce(sum(rejected), 0)::bigint,
        coalesce(sum(read) FILTER (WHERE at > begins), 0)::bigint,
        coalesce(sum(rejected) FILTER (WHERE at > begins), 0)::bigint
    FROM dataforge.quality_facts, LATERAL (
        SELECT CASE WHEN %(window)s > interval '30 days' THEN date_trunc('day', now() - %(window)s, 'UTC')
        ELSE now() - %(window)s END) s (begins) WHERE dataset = 'olist'
"""
EMPTY = "DELETE FROM dataforge.quality_facts; DELETE FROM dataforge.quality_sums"
RULES = ('{"order_id": {"missing": 1}}', '{"order_id": {"missing": 2}, "": {"conflict": 1}}')

FILE = "SELECT pg_relation_filenode('dataforge.quality_facts')"
"""Another file means that the table was rewritten."""

FACTS = st.tuples(
    st.sampled_from(("orders", "sellers")), st.integers(1, 60 * 24 * 80), st.integers(2, 9), st.integers(0, 2)
)
WINDOWS = st.sampled_from((timedelta(hours=5), timedelta(days=3), timedelta(days=30), timedelta(days=70)))


def add(database: Database, table: str, minutes: int, read: int, rejected: int) -> None:
    rules = RULES[rejected - 1] if rejected else "{}"
    database.query(FACT, table, minutes, read, read - rejected, rejected, rules)


def report(database: Database, window: timedelta = timedelta(days=30)) -> dict[str, Any]:
    with closing(database.connect(DELIVER)) as db, db, db.cursor() as cursor:
        return describe_quality(cursor, OLIST, window)


def sum_now(database: Database) -> None:
    with closing(database.connect(DELIVER)) as db, db, db.cursor() as cursor:
        sum_facts(cursor)


def failures(found: dict[str, Any]) -> int:
    return sum(rule["failed"] for table in found["tables"] for rule in table["rules"])


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(FACTS, st.none()), max_size=12), WINDOWS)
def test_report_is_that_of_single_facts_however_many_are_summed(
    module_database: Database, steps: list[tuple[str, int, int, int] | None], window: timedelta
) -> None:
    module_database.query(EMPTY)
    for step in steps:
        if step is None:
            sum_now(module_database)
        else:
            add(module_database, *step)
    found = report(module_database, window)
    with closing(module_database.connect(DELIVER)) as db, db.cursor() as cursor:
        cursor.execute(SINGLE, {"window": window})
        (single,) = cursor.fetchall()
    lately = found["window"]
    assert (found["read"], found["rejected"], lately["read"], lately["rejected"]) == single
    assert sum(point["read"] for point in found["trend"]) == lately["read"]
    sum_now(module_database)
    again = report(module_database, window)
    assert [without_age(table) for table in again["tables"]] == [
        without_age(table) for table in found["tables"]
    ]


def without_age(table: dict[str, Any]) -> dict[str, Any]:
    return {**table, "freshness": table["freshness"]["last_read_at"]}


def test_fact_of_a_transaction_that_is_open_during_the_sums_is_counted_once(
    module_database: Database,
) -> None:
    module_database.query(EMPTY)
    with closing(module_database.connect(INGEST)) as late, late.cursor() as cursor:
        cursor.execute(FACT, ("orders", 3000, 7, 6, 1, RULES[0]))
        add(module_database, "orders", 2, 5, 0)
        sum_now(module_database)
        assert report(module_database)["read"] == 5
        late.commit()
    for _ in range(3):
        found = report(module_database)
        assert (found["read"], found["rejected"], failures(found)) == (12, 1, 1)
        sum_now(module_database)


def test_summed_facts_are_read_from_their_days(module_database: Database) -> None:
    module_database.query(EMPTY)
    add(module_database, "orders", 60 * 24 * 3, 5, 1)
    add(module_database, "orders", 60 * 24 * 3, 4, 2)
    sum_now(module_database)
    (day,) = module_database.query("SELECT read, rejected, rules FROM dataforge.quality_sums")
    assert day == (9, 3, {"": {"conflict": 1}, "order_id": {"missing": 3}})
    module_database.query("DELETE FROM dataforge.quality_facts")
    assert report(module_database)["window"]["read"] == 9


def test_facts_without_an_id_are_summed_first(module_database: Database) -> None:
    module_database.query(EMPTY)
    add(module_database, "orders", 60 * 24 * 3, 5, 1)
    module_database.query("UPDATE dataforge.quality_facts SET xid = NULL")
    module_database.query("UPDATE dataforge.quality_summed SET until = '0'")
    assert report(module_database)["read"] == 5
    sum_now(module_database)
    assert report(module_database)["read"] == 5


def test_sums_begin_again_on_a_server_with_fewer_transactions(module_database: Database) -> None:
    module_database.query(EMPTY)
    add(module_database, "orders", 60 * 24 * 3, 5, 1)
    module_database.query("UPDATE dataforge.quality_summed SET until = '18446744073709551615'")
    sum_now(module_database)
    assert report(module_database)["read"] == 5


def test_sums_cannot_be_changed_by_the_function_that_reads_them(module_database: Database) -> None:
    with closing(module_database.connect(DELIVER)) as db, db.cursor() as cursor:
        cursor.execute(f"SELECT {SUM_QUALITY}")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="permission denied"):
            cursor.execute("DELETE FROM dataforge.quality_sums")


def test_deployment_gives_ids_to_new_facts_only_and_sums_the_others(database: Database) -> None:
    database.query("ALTER TABLE dataforge.quality_facts DROP COLUMN xid")
    database.query("DROP TABLE dataforge.quality_sums, dataforge.quality_summed")
    add(database, "orders", 60 * 24 * 3, 5, 1)
    (file,) = database.query(FILE)
    with closing(database.connect("master")) as db:
        apply(db, dict.fromkeys(LOGINS, "for the tests"))
    assert database.query(FILE) == [file]
    add(database, "orders", 60 * 24 * 2, 4, 0)
    found = database.query("SELECT read, xid IS NULL FROM dataforge.quality_facts ORDER BY read")
    assert found == [(4, False), (5, True)]
    assert database.query("SELECT read FROM dataforge.quality_sums") == [(5,)]
    assert report(database)["read"] == 9
