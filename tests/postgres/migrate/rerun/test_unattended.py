"""Work that PostgreSQL completes without the function has the outcome of the same work in one call."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import NotCompleted, TargetRejectsRows, Unavailable, WorkContinues
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATE, MIGRATION_RUN
from dataforge.postgres.shadow import schema_of
from dataforge.runs.unattended.work import Unattended
from functions.migrate.publish.publish import PUBLISH_LOCK_MS, publish
from functions.migrate.publish.unattended import merge_unattended, merges_unattended
from functions.migrate.run.migration import read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
STORED = [{"customer_id": n, "customer_city": "old"} for n in range(1, 4)]
NEWER = [{"customer_id": n, "customer_city": "new"} for n in range(2, 6)]
BLOCKED = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
WAITING = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'olist.customers'::regclass"
SUCCEEDED = "SELECT count(*) FROM dataforge.audit WHERE result = 'succeeded'"
PUBLISHED = "SELECT status FROM dataforge.migrations WHERE migration_id = %s"


@pytest.fixture
def filled(forge: Forge, make_csv: MakeCsv) -> Forge:
    """Stored customers, and files that change and add some."""
    forge.put(customers=make_csv("customers", *STORED))
    forge.migrate(tables=["customers"])
    forge.put(customers=make_csv("customers", *NEWER))
    return forge


def newer(forge: Forge, seconds: float | None = 60, **document: Any) -> Migration:
    run = forge.migration({"tables": ["customers"], "on_conflict": "update", **document})
    run.attended_seconds = seconds
    return run


def locked(database: Database) -> Connection:
    guard = database.superuser()
    guard.autocommit = False
    guard.cursor().execute("LOCK TABLE olist.customers IN SHARE ROW EXCLUSIVE MODE")
    return guard


def outcome(forge: Forge, run: Migration) -> tuple[Any, ...]:
    [result] = run.run()["tables"]
    figures = "loaded, unchanged, updated, source_hash, target_hash, quality"
    return (
        forge.rows("customers"),
        result,
        forge.database.query(f"SELECT {figures} FROM dataforge.migration_tables ORDER BY loaded"),
        forge.database.query("SELECT source, read, accepted FROM dataforge.quality_facts ORDER BY at"),
        forge.database.query("SELECT operation, result FROM dataforge.audit ORDER BY id"),
        forge.database.query("SELECT count(*) FROM dataforge.leases"),
        forge.database.query("SELECT count(*) FROM dataforge.migration_work"),
        forge.database.query("SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, 'shadow_')"),
    )


def test_outcome_is_that_of_one_call(
    filled: Forge, another_forge: Callable[[], Forge], make_csv: MakeCsv
) -> None:
    other = another_forge()
    other.put(customers=make_csv("customers", *STORED))
    other.migrate(tables=["customers"])
    filled.put(customers=make_csv("customers", *NEWER))
    expected = outcome(other, newer(other, seconds=None))
    assert outcome(filled, newer(filled)) == expected


def test_run_continues_with_a_merge_that_outlasts_its_call(filled: Forge) -> None:
    run = newer(filled, seconds=0).until("publish")
    guard = locked(filled.database)
    for _ in range(2):
        with pytest.raises(WorkContinues):
            run.publish()
    assert filled.database.query(PUBLISHED, run.id) == [("running",)]
    guard.rollback()
    run.take("publish")
    assert filled.database.query(PUBLISHED, run.id) == [("published",)]
    assert [row.count("new") for row in filled.rows("customers")] == [0, 1, 1, 1, 1]


def test_merge_whose_backend_is_terminated_is_repeated(filled: Forge) -> None:
    run = newer(filled, seconds=0).until("publish")
    guard = locked(filled.database)
    with pytest.raises(WorkContinues):
        run.publish()
    filled.database.query("SELECT pg_terminate_backend(pid, 60000) FROM dataforge.migration_work")
    guard.rollback()
    run.take("publish")
    assert len(filled.rows("customers")) == 5


@pytest.mark.slow
def test_merge_waits_for_locked_rows_for_longer_than_for_tables(filled: Forge) -> None:
    run = newer(filled, seconds=0).until("publish")
    guard = filled.database.superuser()
    guard.autocommit = False
    guard.cursor().execute("SELECT FROM olist.customers WHERE customer_city = 'old' FOR UPDATE")
    with pytest.raises(WorkContinues):
        run.publish()
    limit = f"{PUBLISH_LOCK_MS + 500} ms"
    filled.database.until(
        f"SELECT FROM pg_locks WHERE NOT granted AND waitstart < now() - interval '{limit}'"
    )
    guard.rollback()
    run.take("publish")
    assert len(filled.rows("customers")) == 5


def test_stopped_run_ends_its_merge_and_releases_its_leases(filled: Forge) -> None:
    run = newer(filled, seconds=0).until("publish")
    guard = locked(filled.database)
    with pytest.raises(WorkContinues):
        run.publish()
    run.stop()
    assert not filled.database.query("SELECT FROM pg_stat_activity JOIN dataforge.migration_work USING (pid)")
    guard.rollback()
    assert filled.database.query("SELECT count(*) FROM dataforge.leases") == [(0,)]
    assert len(filled.rows("customers")) == 3


def test_stopped_run_is_resumed(filled: Forge) -> None:
    run = newer(filled, seconds=0).until("publish")
    guard = locked(filled.database)
    with pytest.raises(WorkContinues):
        run.publish()
    run.stop()
    guard.rollback()
    newer(filled, resume=run.id).run()
    assert len(filled.rows("customers")) == 5


def test_run_that_was_merged_before_its_step_ended_is_closed_once(filled: Forge) -> None:
    run = newer(filled).until("publish")
    assert run.how
    with transaction(run.control, role=MIGRATION_RUN) as cursor:
        merging = read_run(cursor, run.id)
    merge_unattended(run.control, run.how, merging, run.execution)
    for _ in range(2):
        assert run.publish() == {"status": "published"}
    assert filled.database.query("SELECT count(*) FROM dataforge.quality_facts") == [(2,)]
    assert filled.database.query("SELECT count(*) FROM dataforge.leases") == [(0,)]


def test_merge_whose_connection_was_lost_is_closed_by_the_next_call(filled: Forge) -> None:
    run, sessions = newer(filled).until("publish"), []

    def connect() -> Connection:
        sessions.append(filled.database.connect(MIGRATE))
        return sessions[-1]

    how = Unattended(connect, MIGRATION_RUN, 0, math.inf)
    guard = locked(filled.database)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(publish, run.control, run.id, run.execution, how)
        filled.database.until(WAITING)
        with socket.socket(fileno=socket.dup(sessions[0].fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)
        guard.rollback()
        with pytest.raises(Unavailable):
            call.result()
    run.take("publish")
    assert filled.database.query("SELECT count(*) FROM dataforge.leases") == [(0,)]
    assert filled.database.query("SELECT count(*) FROM dataforge.migration_work") == [(0,)]
    assert filled.database.query(
        "SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, 'shadow_')"
    ) == [(0,)]
    assert filled.database.query(SUCCEEDED) == [(2,)]


def test_published_run_that_is_not_closed_is_closed_by_the_next_call(filled: Forge) -> None:
    run = newer(filled).until("publish")
    assert run.how
    with transaction(run.control, role=MIGRATION_RUN) as cursor:
        merging = read_run(cursor, run.id)
    merge_unattended(run.control, run.how, merging, run.execution)
    filled.database.query("DELETE FROM dataforge.migration_work")
    for _ in range(2):
        run.publish()
    assert filled.database.query("SELECT count(*) FROM dataforge.leases") == [(0,)]
    assert filled.database.query(SUCCEEDED) == [(2,)]


def test_rows_of_others_are_resolved_again(filled: Forge) -> None:
    run = newer(filled).until("publish")
    filled.database.query("UPDATE olist.customers SET customer_city = 'new' WHERE customer_id = md5('2')")
    filled.database.query("DELETE FROM olist.customers")
    run.take("publish")
    assert len(filled.rows("customers")) == 4


def test_constraint_of_the_owner_is_named(filled: Forge) -> None:
    filled.database.query("ALTER TABLE olist.customers ADD CONSTRAINT old CHECK (customer_city = 'old')")
    with pytest.raises(TargetRejectsRows, match='check constraint "old"'):
        newer(filled).run()
    assert len(filled.rows("customers")) == 3
    filled.database.query("ALTER TABLE olist.customers DROP CONSTRAINT old")
    newer(filled, resume="latest").run()
    assert len(filled.rows("customers")) == 5


DIRTY = ["customers", "orders"]


def put_dirty(forge: Forge, make_csv: MakeCsv) -> None:
    """Rows that repeat others, that conflict, and whose parents are missing."""
    customers = [{"customer_id": n, "customer_city": city} for n in (1, 2, 3) for city in ("a", "b", "a")]
    orders = [{"order_id": n, "customer_id": n} for n in range(8)]
    forge.put(customers=make_csv("customers", *customers), orders=make_csv("orders", *orders))


def resolved(forge: Forge, seconds: float | None) -> tuple[Any, ...]:
    run = forge.migration({"tables": DIRTY, "quality_threshold": 0}, chunk_bytes=300)
    run.attended_seconds = seconds
    tables = run.run()["tables"]
    rejections = forge.rejections("table", "codes", "file", "line", "offset", "raw")
    return tables, rejections, forge.rows("customers"), forge.rows("orders")


@pytest.mark.slow
@pytest.mark.parametrize("filled", [False, True])
def test_rejections_that_are_stored_in_pieces_are_those_of_one_call(
    forge: Forge, another_forge: Callable[[], Forge], make_csv: MakeCsv, filled: bool
) -> None:
    other = another_forge()
    put_dirty(forge, make_csv)
    for each in (forge, other) if filled else ():
        row = "md5('2'), md5('2'), '01037', 'other', 'SP'"
        each.database.query(f"INSERT INTO olist.customers VALUES ({row})")
    expected = resolved(other, None)
    assert len(expected[1]) > 5
    assert resolved(forge, 0) == expected
    assert forge.database.query("SELECT count(*) FROM dataforge.migration_work") == [(0,)]


def test_table_is_resolved_by_a_statement_that_outlasts_its_call(forge: Forge, make_csv: MakeCsv) -> None:
    put_dirty(forge, make_csv)
    run = forge.migration({"tables": DIRTY, "quality_threshold": 0}).until("settle")
    run.attended_seconds = 0
    guard = forge.database.superuser()
    guard.autocommit = False
    guard.cursor().execute(f"LOCK TABLE {schema_of(run.id)}.customers IN SHARE ROW EXCLUSIVE MODE")
    for _ in range(2):
        with pytest.raises(WorkContinues):
            run.settle()
    guard.rollback()
    for step in ("settle", "reconcile", "publish", "report"):
        run.take(step)
    assert len(forge.rows("customers")) == 3


def test_rejections_are_stored_once_by_calls_at_the_same_time(forge: Forge, make_csv: MakeCsv) -> None:
    put_dirty(forge, make_csv)
    run = forge.migration({"tables": ["customers"], "quality_threshold": 0}).until("settle")
    run.attended_seconds = 60
    guard = forge.database.superuser()
    guard.autocommit = False
    guard.cursor().execute("LOCK TABLE dataforge.rejections IN SHARE MODE")
    another = replace(run, control=forge.database.connect(MIGRATE))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run.settle)
        forge.database.until(f"{BLOCKED} HAVING count(*) = 1")
        second = pool.submit(another.take, "settle")
        forge.database.until(f"{BLOCKED} HAVING count(*) = 2")
        guard.rollback()
        first.result(), second.result()
    assert len(forge.rejections("id")) == 3


def test_rows_that_were_moved_after_they_were_marked_are_not_deleted(
    filled: Forge, make_csv: MakeCsv
) -> None:
    rows = [{"customer_id": n, "customer_city": city} for n in (4, 5, 6) for city in "ab"]
    filled.put(customers=make_csv("customers", *rows))
    run = newer(filled, seconds=0, quality_threshold=0).until("settle")
    relation = f"{schema_of(run.id)}.customers"
    guard = filled.database.superuser()
    guard.autocommit = False
    guard.cursor().execute(f"SELECT FROM {relation} FOR UPDATE")
    waits = "SELECT count(*) FROM pg_locks JOIN dataforge.migration_work USING (pid) WHERE NOT granted"
    while filled.database.query(waits) == [(0,)]:
        with pytest.raises(WorkContinues):
            run.settle()
    filled.database.query("SELECT pg_terminate_backend(pid, 60000) FROM dataforge.migration_work")
    guard.rollback()
    filled.database.query(f"VACUUM FULL {relation}")
    run.attended_seconds = 60
    with pytest.raises(NotCompleted, match=f"{relation} was rewritten"):
        run.settle()
    assert filled.database.query(f"SELECT count(*) FROM {relation}") == [(6,)]


@pytest.mark.slow
def test_results_of_statements_are_not_in_tables_that_a_crash_empties(
    forge: Forge, make_csv: MakeCsv
) -> None:
    put_dirty(forge, make_csv)
    run = forge.migration({"tables": DIRTY, "quality_threshold": 0}).until("settle")
    run.attended_seconds = 0
    found = set()
    waits = True
    while waits:
        try:
            run.settle()
            waits = False
        except WorkContinues:
            query = "SELECT relpersistence, relname FROM pg_class WHERE relnamespace = %s::regnamespace"
            found |= set(forge.database.query(query, schema_of(run.id)))
    assert any("rejected" in name for _, name in found)
    assert {persistence for persistence, _ in found} == {"p"}


def test_few_new_rows_beside_many_stored_ones_are_merged_unattended(filled: Forge) -> None:
    run = newer(filled, seconds=None).until("reconcile")
    [(both,)] = filled.database.query(
        "SELECT sum(pg_table_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relname = 'customers' AND (nspname = 'olist' OR starts_with(nspname, 'shadow_'))"
    )
    for least, expected in ((both, True), (both + 1, False)):
        how = Unattended(lambda: filled.database.connect(MIGRATE), MIGRATION_RUN, int(least), 0)
        with transaction(run.control, role=MIGRATION_RUN) as cursor:
            assert merges_unattended(cursor, read_run(cursor, run.id), how) is expected
