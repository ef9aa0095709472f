"""The upkeep deletes expired answers to batches, and the shadows of runs that cannot be resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataforge.defaults import IDEMPOTENCY_HOURS, SHADOW_DAYS
from functions.schema.leftovers import delete_leftovers
from functions.schema.upkeep import work

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

ANSWER = """
    INSERT INTO dataforge.batches (batch_id, key_owner, idempotency_key, request_hash, created_at)
    VALUES (%s, 'k', %s, 'h', now() - %s * interval '1 hour')
"""
RUN = """
    INSERT INTO dataforge.migrations
        (migration_id, execution, dataset, prefix, tables, quality_threshold, status, finished_at)
    VALUES (%s, %s, 'olist', 'olist/', '{orders}', 0.95, %s, now() - %s * interval '1 day')
"""
SHADOWS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%%' ORDER BY 1"


@pytest.fixture
def master(database: Database) -> Connection:
    return database.connect("master")


def add_run(database: Database, run: str, status: str, age: float) -> None:
    """A migration that ended ``age`` days ago, with its shadow."""
    database.query(RUN, run, run, status, age)
    database.query(
        f"CREATE SCHEMA shadow_{run} AUTHORIZATION dataforge_owner; CREATE TABLE shadow_{run}.t (a text)"
    )


def test_answers_expire_without_another_batch(database: Database, master: Connection) -> None:
    for name, hours in (("old", IDEMPOTENCY_HOURS + 0.1), ("new", IDEMPOTENCY_HOURS - 0.1)):
        database.query(ANSWER, name, name, hours)
    assert work(master) == "again"
    assert database.query("SELECT batch_id FROM dataforge.batches") == [("new",)]
    assert work(master) == "done"


def test_shadows_of_runs_that_cannot_be_resumed_are_dropped(database: Database, master: Connection) -> None:
    add_run(database, "old", "failed", SHADOW_DAYS + 0.1)
    add_run(database, "recent", "failed", SHADOW_DAYS - 0.1)
    add_run(database, "active", "running", SHADOW_DAYS + 0.1)
    while delete_leftovers(master):
        pass
    assert database.query(SHADOWS) == [("shadow_active",), ("shadow_recent",)]


def test_results_of_work_that_no_run_uses_are_deleted(database: Database, master: Connection) -> None:
    for table in ("migration_work", "restore_work"):
        for days in (0.1, -0.1):
            database.query(
                f"INSERT INTO dataforge.{table} VALUES (%s, 'publish', 0, '', '', 1, 0, now(), NULL, NULL,"
                " now() - %s * interval '1 day')",
                days,
                2 * SHADOW_DAYS + days,
            )
    assert delete_leftovers(master) == 2
    assert database.query(
        "SELECT run_id FROM dataforge.migration_work UNION ALL SELECT run_id FROM dataforge.restore_work"
    ) == [("-0.1",), ("-0.1",)]


@pytest.mark.parametrize(("age", "rejections", "files"), [(90.1, 0, 0), (89.9, 0, 1), (90.1, 1, 1)])
def test_files_of_a_run_are_forgotten_after_its_rejections(
    database: Database, master: Connection, age: float, rejections: int, files: int
) -> None:
    database.query(RUN, "m1", "m1", "published", age)
    database.query(
        "INSERT INTO dataforge.migration_files (migration_id, file_number, bucket, key, etag, size, source, header,"
        " data_start, data_end) VALUES ('m1', 1, 'raw', 'olist/a.csv', 'e', 1, 'orders', '{}', 0, 1);"
        "INSERT INTO dataforge.migration_chunks (migration_id, chunk, file_number, range_start) VALUES ('m1', 1, 1, 0)"
    )
    database.query(
        'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, migration_id)'
        " SELECT 'olist', 'orders', '{}', '[]', 'm1' FROM generate_series(1, %s)",
        rejections,
    )
    while delete_leftovers(master):
        pass
    for relation in ("migration_files", "migration_chunks"):
        assert database.query(f"SELECT count(*) FROM dataforge.{relation}") == [(files,)]
    assert database.query("SELECT count(*) FROM dataforge.migrations") == [(1,)]


def test_shadow_in_use_is_left_until_the_next_step(database: Database, master: Connection) -> None:
    add_run(database, "old", "failed", SHADOW_DAYS + 0.1)
    reader = database.superuser()
    reader.autocommit = False
    with reader.cursor() as cursor:
        cursor.execute("SELECT FROM shadow_old.t")
        assert work(master) == "wait"
    reader.rollback()
    assert work(master) == "again"
    assert database.query(SHADOWS) == []
