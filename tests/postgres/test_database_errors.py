"""PostgreSQL's errors translated by SQLSTATE into temporary and permanent errors."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg2
import pytest
from psycopg2 import errorcodes

from dataforge.errors import Busy, DataForgeError, DiskFull, OutOfMemory, Unavailable
from dataforge.errors.problems import problem_document
from dataforge.postgres.connection import database_error, transaction, translated
from dataforge.postgres.roles import LOAD, MIGRATE, MIGRATION_RUN

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

CODES = sorted(
    {c for n, c in vars(errorcodes).items() if n.isupper() and isinstance(c, str) and len(c) == 5} - {"00000"}
)


@pytest.fixture
def database(module_database: Database) -> Database:
    """The module's database; the tests do not change it."""
    return module_database


def outcome(code: str) -> type[Exception]:
    """The public error for this SQLSTATE."""
    if code in {"40001", "40P01", "55P03", "55006"}:
        return Busy
    if code in {"53100", "53400"}:
        return DiskFull
    if code in {"53000", "53200"}:
        return OutOfMemory
    return Unavailable if code[:2] in {"08", "53", "57"} or code in {"25P03", "25P04"} else psycopg2.Error


def run(db: Connection, *statements: str) -> BaseException:
    """The error of a transaction with these statements."""
    with pytest.raises((DataForgeError, psycopg2.Error)) as raised, transaction(db) as cursor:
        cursor.execute("; ".join(statements))
    return raised.value


def test_every_sqlstate_is_translated_or_raised_unchanged(database: Database) -> None:
    db = database.connect(LOAD)
    found = {}
    for code in CODES:
        error = run(db, f"DO $$ BEGIN RAISE 'x' USING ERRCODE = '{code}'; END $$")
        kept = database_error(error)
        assert kept
        assert kept.pgcode == code
        if isinstance(error, DataForgeError):
            assert (error.__cause__, error.__suppress_context__) == (None, True)
            assert not {code, "SQLSTATE"} & set(re.findall(r"\w+", json.dumps(problem_document(error, "1"))))
        found[code] = type(error) if isinstance(error, DataForgeError) else psycopg2.Error
    assert len(found) > 200
    assert found == {code: outcome(code) for code in CODES}


def test_lock_timeout_raises_busy(database: Database) -> None:
    holder = database.superuser()
    holder.autocommit = False
    holder.cursor().execute("LOCK TABLE olist.orders")
    become = f"SET LOCAL ROLE {MIGRATION_RUN}"
    error = run(database.connect(MIGRATE), become, "SET LOCAL lock_timeout = '10ms'", "TABLE olist.orders")
    assert isinstance(error, Busy)


def test_deadlock_raises_busy(database: Database) -> None:
    def work(numbers: tuple[int, int]) -> bool:
        try:
            with transaction(database.connect(LOAD)) as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [numbers[0]])
                time.sleep(0.2)
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [numbers[1]])
        except Busy:
            return True
        return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(work, [(1, 2), (2, 1)])) == [False, True]


def test_full_device_raises_disk_full(database: Database) -> None:
    error = run(database.superuser(), "COPY (SELECT repeat('x', 100000)) TO '/dev/full'")
    assert isinstance(error, DiskFull)
    assert "disk is full" in str(error)


def test_sort_beyond_temp_file_limit_raises_disk_full(database: Database) -> None:
    limit = "SET LOCAL temp_file_limit = '64kB'; SET LOCAL work_mem = '64kB'"
    error = run(database.superuser(), limit, "SELECT n FROM generate_series(1, 100000) n ORDER BY -n")
    assert isinstance(error, DiskFull)
    assert "temp_file_limit" in str(error)


# A limit that applies already is changed by ending it first.
@pytest.mark.parametrize(
    "ending",
    [
        "SET LOCAL statement_timeout = '10ms'",
        "SET LOCAL transaction_timeout = 0; SET LOCAL transaction_timeout = '10ms'",
    ],
)
def test_statement_timeout_raises_unavailable(database: Database, ending: str) -> None:
    if "transaction" in ending and database.server.config.pg_version < 17:
        pytest.skip("PostgreSQL 16 has no transaction_timeout")
    assert isinstance(run(database.connect(LOAD), ending, "SELECT pg_sleep(5)"), Unavailable)


def test_closed_connection_raises_unavailable(database: Database) -> None:
    db = database.connect(LOAD)
    db.close()
    with pytest.raises(Unavailable), transaction(db):
        pass


def test_other_errors_are_raised_unchanged() -> None:
    with pytest.raises(ValueError, match="mine"), translated():
        raise ValueError("mine")
