"""Database connections: reuse of warm ones, replacement of closed ones, and errors of a connection."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import psycopg2
import pytest
from moto import mock_aws

from dataforge.errors import Unavailable
from dataforge.postgres.connection import connect, get_db_resource, transaction
from dataforge.postgres.roles import LOAD, MIGRATE, MIGRATION_RUN
from dataforge.postgres.rows import one_row
from dataforge.settings import DatabaseSettings

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

PASSWORD = "for the tests"


@pytest.fixture
def database(module_database: Database) -> Database:
    """The module's database; the tests do not change it."""
    return module_database


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, database: Database) -> Iterator[DatabaseSettings]:
    """Settings whose password is stored in Secrets Manager."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        document = json.dumps({"username": LOAD, "password": PASSWORD})
        arn = boto3.client("secretsmanager").create_secret(Name="load", SecretString=document)["ARN"]
        yield database.settings(LOAD).model_copy(update={"db_secret_arn": arn})


def pid(db: Connection) -> int:
    """The backend's process id."""
    with db.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        number: int = one_row(cursor)[0]
    db.rollback()
    return number


def kill(database: Database, number: int) -> None:
    database.query("SELECT pg_terminate_backend(%s, 5000)", number)


def test_warm_connection_is_reused_outside_a_transaction(secret: DatabaseSettings) -> None:
    db = get_db_resource(secret)
    with db.cursor() as cursor, contextlib.suppress(psycopg2.Error):
        cursor.execute("SELECT 1 / 0")
    assert get_db_resource(secret) is db
    assert db.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
    assert db.info.parameter_status("TimeZone") == "UTC"


def test_different_settings_have_different_connections(secret: DatabaseSettings) -> None:
    other = secret.model_copy(update={"db_lock_seconds": 3})
    assert get_db_resource(other) is not get_db_resource(secret)
    assert get_db_resource(other) is get_db_resource(other)


def test_lost_connection_is_replaced(database: Database, secret: DatabaseSettings) -> None:
    db = get_db_resource(secret)
    known = pid(db)
    kill(database, known)
    with pytest.raises(Unavailable), transaction(db) as cursor:
        cursor.execute("SELECT 1")
    assert pid(get_db_resource(secret)) != known
    get_db_resource(secret).close()
    assert pid(get_db_resource(secret)) != known


@pytest.mark.slow
def test_connection_lost_while_idle_is_replaced_before_use(
    database: Database, secret: DatabaseSettings
) -> None:
    known = pid(get_db_resource(secret))
    kill(database, known)
    time.sleep(5.1)
    assert pid(get_db_resource(secret)) != known


def test_next_connection_uses_a_rotated_password(database: Database, secret: DatabaseSettings) -> None:
    get_db_resource(secret).close()
    database.query(f"ALTER ROLE {LOAD} PASSWORD 'rotated'")
    try:
        with pytest.raises(Unavailable, match="password authentication failed"):
            get_db_resource(secret)
        document = json.dumps({"password": "rotated"})
        boto3.client("secretsmanager").put_secret_value(SecretId=secret.db_secret_arn, SecretString=document)
        assert get_db_resource(secret).info.user == LOAD
    finally:
        database.query(f"ALTER ROLE {LOAD} PASSWORD '{PASSWORD}'")


def test_iam_token_is_signed_without_a_call_to_aws(secret: DatabaseSettings) -> None:
    # This server refuses the token. The test checks that one was created and is not in the message.
    with pytest.raises(
        Unavailable, match=f'as {LOAD}: password authentication failed for user "{LOAD}"$'
    ) as raised:
        connect(secret.model_copy(update={"db_auth": "iam"}))
    assert "X-Amz" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"db_port": 1}, "Connection refused"),
        ({"db_sslmode": "require"}, "server does not support SSL"),
        ({"db_name": "nowhere"}, 'database "nowhere" does not exist'),
    ],
)
def test_connection_error_contains_neither_address_nor_password(
    database: Database, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unavailable, match=f"^Cannot connect to the database as {LOAD}: {reason}") as raised:
        connect(database.settings(LOAD).model_copy(update=change), PASSWORD)
    assert "127.0.0.1" not in str(raised.value)
    assert PASSWORD not in str(raised.value)


@pytest.mark.slow
def test_host_that_never_answers_raises_unavailable_within_the_timeout(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = database.settings(LOAD).model_copy(update={"db_port": silent.getsockname()[1]})
        started = time.monotonic()
        with pytest.raises(Unavailable):
            connect(settings, PASSWORD)
        assert time.monotonic() - started < 8


def test_database_settings_do_not_change_the_text_of_values(database: Database) -> None:
    odd = {
        "datestyle": "'SQL, DMY'",
        "timezone": "'Asia/Tokyo'",
        "extra_float_digits": "-5",
        "statement_timeout": "1",
    }
    for name, value in odd.items():
        database.query(f"ALTER ROLE {LOAD} SET {name} = {value}")
    try:
        with transaction(database.connect(LOAD)) as cursor:
            cursor.execute(
                "SELECT ROW('2018-02-01'::timestamp, '2018-02-01 10:00Z'::timestamptz, 0.1::float8 + 0.2)::text"
            )
            assert cursor.fetchone() == (
                '("2018-02-01 00:00:00","2018-02-01 10:00:00+00",0.30000000000000004)',
            )
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("870s",)
    finally:
        for name in odd:
            database.query(f"ALTER ROLE {LOAD} RESET {name}")
        database.query(f"ALTER ROLE {LOAD} SET statement_timeout = '870s'")


def role(db: Connection) -> str:
    with transaction(db) as cursor:
        cursor.execute("SELECT current_user")
        name: str = one_row(cursor)[0]
    return name


def test_role_is_reset_at_the_end_of_the_transaction(database: Database) -> None:
    db = database.connect(MIGRATE)
    with transaction(db, role=MIGRATION_RUN) as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (MIGRATION_RUN,)
    assert role(db) == MIGRATE
    with pytest.raises(ZeroDivisionError), transaction(db, role=MIGRATION_RUN):
        raise ZeroDivisionError
    assert role(db) == MIGRATE


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, psycopg2.errors.UndefinedTable])
def test_any_error_rolls_the_transaction_back(database: Database, error: type[BaseException]) -> None:
    db = database.connect(MIGRATE)

    def work() -> None:
        with transaction(db, role=MIGRATION_RUN) as cursor:
            cursor.execute("INSERT INTO dataforge.write_leases VALUES ('olist', 'orders', 'write', 'x')")
            if error is psycopg2.errors.UndefinedTable:
                cursor.execute("SELECT * FROM nowhere")
            raise error

    with pytest.raises(error):
        work()
    assert db.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
    assert database.query("SELECT * FROM dataforge.write_leases") == []
