"""PostgreSQL completes work although the connection that started it has ended."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg2.errors
import pytest

from dataforge.errors import Busy, LeaseLost, NotCompleted, Unavailable, WorkContinues
from dataforge.postgres.connection import transaction
from dataforge.postgres.owner_rules import is_raised, refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.roles import MIGRATE, MIGRATION_RUN
from dataforge.postgres.sql import Sql
from dataforge.runs.unattended.cursor import unattended_cursor
from dataforge.runs.unattended.script import Script, expected, fact
from dataforge.runs.unattended.stored_errors import NumberDiffers, ScriptRefused
from dataforge.runs.unattended.work import ATTEMPTS, Unattended, Work, complete, end, forget, query

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor
    from tests.postgres.conftest import Database

WORK = Work("run-1", "publish")
EXECUTION = "arn:run-1"
COUNT = "SELECT count(*) FROM shadow_x.rows"
INSERT = Sql("INSERT INTO shadow_x.rows SELECT generate_series(1, 3)")


@pytest.fixture
def db(database: Database) -> Connection:
    """A connection of a run's login, in a database with an empty table of the run."""
    database.query("CREATE SCHEMA shadow_x")
    database.query("CREATE TABLE shadow_x.rows (i integer PRIMARY KEY, t text)")
    database.query(f"GRANT ALL ON SCHEMA shadow_x TO {MIGRATION_RUN}")
    database.query(f"ALTER TABLE shadow_x.rows OWNER TO {MIGRATION_RUN}")
    return database.connect(MIGRATE)


@pytest.fixture(autouse=True)
def _drop(database: Database) -> Iterator[None]:
    yield
    database.query("DROP SCHEMA IF EXISTS shadow_x CASCADE")


def how(database: Database, deadline: float = math.inf) -> Unattended:
    return Unattended(lambda: database.connect(MIGRATE), MIGRATION_RUN, 0, deadline)


def statement(text: Sql) -> Callable[[], Script]:
    script = Script()
    script.count(text)
    return lambda: script


def insert(db: Connection, how: Unattended) -> str:
    return complete(db, how, EXECUTION, WORK, statement(INSERT))


def locked(database: Database) -> Connection:
    """A connection that locks the table."""
    guard = database.superuser()
    guard.autocommit = False
    guard.cursor().execute("LOCK TABLE shadow_x.rows")
    return guard


def test_work_is_done_once(database: Database, db: Connection) -> None:
    assert [insert(db, how(database)), insert(db, how(database))] == ["3", "3"]
    assert database.query(COUNT) == [(3,)]


def test_work_continues_after_the_deadline(database: Database, db: Connection) -> None:
    guard = locked(database)
    for _ in range(2):
        with pytest.raises(WorkContinues):
            insert(db, how(database, time.monotonic()))
    guard.rollback()
    assert insert(db, how(database)) == "3"
    assert database.query("SELECT attempt FROM dataforge.migration_work") == [(1,)]


def test_notices_do_not_end_work_without_a_client(database: Database, db: Connection) -> None:
    database.query(
        "CREATE FUNCTION shadow_x.notify() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE WARNING '%%', repeat('x', 100000); RETURN new; END $$"
    )
    database.query(
        "CREATE TRIGGER notify BEFORE INSERT ON shadow_x.rows FOR EACH ROW EXECUTE FUNCTION shadow_x.notify()"
    )
    guard = locked(database)
    with pytest.raises(WorkContinues):
        insert(db, how(database, time.monotonic()))
    guard.rollback()
    assert insert(db, how(database)) == "3"
    assert database.query("SELECT attempt FROM dataforge.migration_work") == [(1,)]


def test_work_whose_function_was_killed_is_completed(database: Database, db: Connection) -> None:
    guard = locked(database)
    function = multiprocessing.get_context("fork").Process(
        target=lambda: insert(database.connect(MIGRATE), how(database))
    )
    function.start()
    database.until("SELECT FROM pg_locks WHERE NOT granted AND relation = 'shadow_x.rows'::regclass")
    function.kill()
    function.join()
    guard.rollback()
    assert insert(db, how(database)) == "3"
    assert database.query("SELECT attempt FROM dataforge.migration_work") == [(1,)]


def test_work_waits_for_a_free_connection_until_the_deadline(database: Database, db: Connection) -> None:
    database.query("ALTER ROLE dataforge_migrate CONNECTION LIMIT 1")
    try:
        with pytest.raises(WorkContinues):
            insert(db, how(database, time.monotonic()))
    finally:
        database.query("ALTER ROLE dataforge_migrate CONNECTION LIMIT -1")
    assert insert(db, how(database)) == "3"


def kill(database: Database) -> None:
    database.query("SELECT pg_terminate_backend(pid, 60000) FROM dataforge.migration_work")


def test_work_whose_backend_ended_is_started_again(database: Database, db: Connection) -> None:
    guard = locked(database)
    with pytest.raises(WorkContinues):
        insert(db, how(database, time.monotonic()))
    kill(database)
    guard.rollback()
    assert insert(db, how(database)) == "3"
    assert database.query(COUNT) == [(3,)]


def test_work_is_started_a_limited_number_of_times(database: Database, db: Connection) -> None:
    guard = locked(database)
    for _ in range(ATTEMPTS):
        with pytest.raises(WorkContinues):
            insert(db, how(database, time.monotonic()))
        kill(database)
    guard.rollback()
    with pytest.raises(NotCompleted, match="3 times"):
        insert(db, how(database))
    assert database.query(COUNT) == [(0,)]


def test_a_query_that_begins_after_another_attempt_does_nothing(database: Database, db: Connection) -> None:
    guard = locked(database)
    with pytest.raises(WorkContinues):
        insert(db, how(database, time.monotonic()))
    kill(database)
    guard.rollback()
    late = database.connect(MIGRATE)
    late.autocommit = True
    late.cursor().execute(query(how(database), WORK, statement(INSERT)(), attempt=2))
    assert database.query(COUNT) == [(0,)]
    late.cursor().execute(query(how(database), WORK, statement(INSERT)(), attempt=1))
    assert database.query(COUNT) == [(3,)]


def test_the_end_of_an_execution_ends_its_work(database: Database, db: Connection) -> None:
    guard = locked(database)
    with pytest.raises(WorkContinues):
        insert(db, how(database, time.monotonic()))
    end(db, MIGRATION_RUN, "arn:another")
    assert database.query("SELECT FROM pg_stat_activity JOIN dataforge.migration_work USING (pid)")
    end(db, MIGRATION_RUN, EXECUTION)
    assert not database.query("SELECT FROM pg_stat_activity JOIN dataforge.migration_work USING (pid)")
    guard.rollback()
    assert database.query(COUNT) == [(0,)]


def test_a_backend_that_ends_while_it_is_awaited_is_unavailable(database: Database, db: Connection) -> None:
    database.query(
        "CREATE FUNCTION shadow_x.stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN new; END $$"
    )
    database.query(
        "CREATE TRIGGER stop BEFORE INSERT ON shadow_x.rows FOR EACH ROW EXECUTE FUNCTION shadow_x.stop()"
    )
    with pytest.raises(Unavailable):
        insert(db, how(database))


def test_an_error_is_stored_and_raised_with_its_names(database: Database, db: Connection) -> None:
    database.query("INSERT INTO shadow_x.rows VALUES (2)")
    for _ in range(2):
        with pytest.raises(psycopg2.errors.UniqueViolation) as caught:
            insert(db, how(database))
        assert caught.value.diag.constraint_name == "rows_pkey"
        assert refusal(caught.value) == "rows_pkey"
        assert not is_raised(caught.value)
    assert database.query(COUNT) == [(1,)]


def test_an_error_of_another_execution_is_ignored(database: Database, db: Connection) -> None:
    database.query("INSERT INTO shadow_x.rows VALUES (2)")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        complete(db, how(database), "arn:earlier", WORK, statement(INSERT))
    database.query("DELETE FROM shadow_x.rows")
    assert insert(db, how(database)) == "3"
    assert database.query("SELECT attempt, error FROM dataforge.migration_work") == [(2, None)]


def test_an_error_of_a_trigger_is_recognized_without_its_text(database: Database, db: Connection) -> None:
    database.query(
        "CREATE FUNCTION shadow_x.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'secret %%', new.i USING ERRCODE = 'unique_violation'; END $$"
    )
    database.query(
        "CREATE TRIGGER refuse BEFORE INSERT ON shadow_x.rows FOR EACH ROW EXECUTE FUNCTION shadow_x.refuse()"
    )
    with pytest.raises(psycopg2.errors.UniqueViolation) as caught:
        insert(db, how(database))
    assert is_raised(caught.value)
    assert "the function shadow_x.refuse() refuses a row" in describe(caught.value)
    [(stored,)] = database.query("SELECT error::text FROM dataforge.migration_work")
    assert "secret" not in stored


def test_a_number_that_differs_rolls_all_back(database: Database, db: Connection) -> None:
    script = Script()
    script.store(Sql("SELECT 2 AS half"))
    script.store(Sql("SELECT {} * 2 AS rows").format(fact("half")))
    script.change(INSERT, expected("rows"), "inserted")
    with pytest.raises(NumberDiffers) as caught:
        complete(db, how(database), EXECUTION, WORK, lambda: script)
    assert (caught.value.name, caught.value.expected, caught.value.found) == ("inserted", 4, 3)
    assert database.query(COUNT) == [(0,)]


def test_a_refusal_has_its_text(database: Database, db: Connection) -> None:
    script = Script()
    script.refuse(Sql("SELECT NULL"))
    script.execute(INSERT)
    script.refuse(Sql("SELECT count(*) || ' rows' FROM shadow_x.rows HAVING count(*) > 2"))
    with pytest.raises(ScriptRefused, match=r"^3 rows$"):
        complete(db, how(database), EXECUTION, WORK, lambda: script)
    assert database.query(COUNT) == [(0,)]


def test_work_of_a_run_without_its_lease_is_refused(database: Database, db: Connection) -> None:
    script = Script()
    script.hold(EXECUTION, "olist", ["orders"])
    with pytest.raises(LeaseLost):
        complete(db, how(database), EXECUTION, WORK, lambda: script)


def test_work_of_another_version_is_refused(database: Database, db: Connection) -> None:
    insert(db, how(database))
    with pytest.raises(NotCompleted, match="another version"):
        complete(db, how(database), EXECUTION, WORK, statement(INSERT), digest="other")


NAME = Work("run-1", "build rows")


def continued(db: Connection, how: Unattended) -> AbstractContextManager[Cursor]:
    return unattended_cursor(db, how, EXECUTION, NAME, Script())


def insert_quickly(cursor: Cursor) -> int:
    cursor.execute("SET LOCAL lock_timeout = 1")
    cursor.execute(INSERT)
    return cursor.rowcount


def steps(cursor: Cursor) -> list[object]:
    """Statements of every kind, and what they return."""
    cursor.execute("SET LOCAL work_mem = '1MB'")
    cursor.execute(INSERT)
    found: list[object] = [cursor.rowcount]
    cursor.execute("SAVEPOINT attempt")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        cursor.execute("INSERT INTO shadow_x.rows VALUES (%s, %s)", (3, "it's 5 %"))
    cursor.execute("ROLLBACK TO SAVEPOINT attempt")
    cursor.execute(
        "SELECT count(*), count(*), sum(i)::numeric(10,2), NULL, true, '%%', jsonb_build_object('a', ARRAY[1])"
        " FROM shadow_x.rows WHERE i > %s",
        (0,),
    )
    found.append(cursor.fetchone())
    cursor.execute(
        "WITH d AS (DELETE FROM shadow_x.rows WHERE i > 1 RETURNING i) SELECT i, i FROM d ORDER BY i"
    )
    found.append(cursor.fetchall())
    cursor.execute("SELECT current_setting('work_mem')")
    found.append(cursor.fetchone())
    return found


EXPECTED = [3, (3, 3, Decimal("6.00"), None, True, "%", {"a": [1]}), [(2, 2), (3, 3)], ("1MB",)]


def test_a_function_continues_where_it_was(database: Database, db: Connection) -> None:
    guard = locked(database)
    with pytest.raises(WorkContinues), continued(db, how(database, time.monotonic())) as cursor:
        steps(cursor)
    guard.rollback()
    for _ in range(2):
        with continued(db, how(database)) as cursor:
            assert steps(cursor) == EXPECTED
    assert database.query(COUNT) == [(1,)]
    with transaction(db, role=MIGRATION_RUN) as plain:
        forget(plain, how(database), *NAME[:2])
    assert database.query("SELECT count(*) FROM dataforge.migration_work") == [(0,)]


def test_the_results_equal_those_of_a_plain_cursor(database: Database, db: Connection) -> None:
    with transaction(db, role=MIGRATION_RUN) as cursor:
        assert steps(cursor) == EXPECTED


def test_a_statement_that_failed_for_a_time_is_executed_again(database: Database, db: Connection) -> None:
    guard = locked(database)
    with pytest.raises(Busy), continued(db, how(database)) as cursor:
        insert_quickly(cursor)
    guard.rollback()
    with continued(db, how(database)) as cursor:
        assert insert_quickly(cursor) == 3
