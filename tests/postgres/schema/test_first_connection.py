"""The first connection of an apply waits for the database, and applies run one at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg2.errors
import pytest

from dataforge.errors import Unavailable
from dataforge.postgres.connection import connect
from dataforge.postgres.roles import LOGINS, MIGRATE, MIGRATION_RUN
from functions.schema.apply.apply import apply
from functions.schema.apply.reach import reach

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

PASSWORD = "for the tests"


def attempts(database: Database, *, closed: int, password: str = PASSWORD) -> Callable[[], Connection]:
    """Connect to a closed port ``closed`` times, then to the database."""
    good = database.settings("master")
    calls = iter([good.model_copy(update={"db_port": 1})] * closed + [good])
    return lambda: connect(next(calls), password)


def test_connection_is_retried_while_nothing_listens(database: Database) -> None:
    reach(attempts(database, closed=3), patience=60, pause=0).close()


def test_unreachable_database_raises_unavailable_after_the_patience(database: Database) -> None:
    with pytest.raises(Unavailable):
        reach(attempts(database, closed=1), patience=0, pause=1)


def test_wrong_password_is_not_retried(database: Database) -> None:
    connecting = attempts(database, closed=1, password="a wrong one")
    with pytest.raises(Unavailable, match="password authentication failed"):
        reach(connecting, patience=60, pause=0)
    with pytest.raises(StopIteration):
        connecting()


def test_second_apply_waits_for_the_first_beyond_its_lock_timeout(database: Database) -> None:
    first, second = database.superuser(), database.connect("master")
    with second, second.cursor() as cursor:
        cursor.execute("SET lock_timeout = '20ms'")
    with first.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("BEGIN; CREATE SCHEMA dataforge_applying; DROP SCHEMA dataforge_applying")
        waiting = pool.submit(apply, second, dict.fromkeys(LOGINS, PASSWORD))
        database.until("SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
        cursor.execute("SELECT pg_sleep(0.2); COMMIT")
        assert waiting.result() == {"changes": []}
    with second, second.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("20ms",)


def test_no_role_of_a_function_delays_an_apply(database: Database) -> None:
    """It can neither lock nor create the name that applies wait for; every role may take advisory locks."""
    held = database.connect(MIGRATE).cursor()
    held.execute("SELECT pg_advisory_lock(4207312311)")
    held.execute(f"SET ROLE {MIGRATION_RUN}")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        held.execute("CREATE SCHEMA dataforge_applying")
    assert apply(database.connect("master"), dict.fromkeys(LOGINS, PASSWORD)) == {"changes": []}
