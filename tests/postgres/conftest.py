"""A real PostgreSQL for the tests: one server per session, one database per test, logins as on RDS."""

from __future__ import annotations

import csv
import io
import itertools
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import psycopg2
import pytest

from dataforge.postgres.connection import connect
from dataforge.postgres.roles import DATABASE_GRANTS, LOGINS
from dataforge.settings import DatabaseSettings
from dataforge.tables.catalogue import Column
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.apply import apply
from local import postgres
from local.config import HOST, Config
from tests.postgres import recycling

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


MASTER = "master"
PASSWORD = "for the tests"
PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, PASSWORD)
TEMPLATE = "applied"
_numbers = itertools.count(1)


@dataclass
class Server:
    """A running server."""

    config: Config
    spare: list[Database] = field(default_factory=list)
    structure: str = ""

    def superuser(self, database: str = "postgres") -> Connection:
        """A superuser connection in autocommit mode."""
        db = psycopg2.connect(postgres.url(self.config, database), sslmode="disable", gssencmode="disable")
        db.autocommit = True
        return db

    def run(self, *statements: str) -> None:
        """Run statements as the superuser, outside any transaction."""
        db = self.superuser()
        with db.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        db.close()

    def create(self, name: str, template: str = "template1") -> Database:
        """Create a database owned by the master, as on RDS. The template must have no connections."""
        self.run(f"CREATE DATABASE {name} OWNER {MASTER} TEMPLATE {template}")
        return Database(self, name)

    def lend(self) -> Database:
        """Return a database with the catalogue applied, reused if possible; `take_back` releases it."""
        if self.spare:
            return self.spare.pop()
        database = self.create(f"test_{next(_numbers)}", TEMPLATE)
        # A copy does not have the privileges on the database itself.
        self.run(
            f"REVOKE ALL ON DATABASE {database.name} FROM PUBLIC",
            *(f"GRANT {right} ON DATABASE {database.name} TO {role}" for role, right in DATABASE_GRANTS),
        )
        if not self.structure:
            with closing(self.superuser(database.name)) as db, db.cursor() as cursor:
                self.structure = recycling.structure(cursor)
        return database

    def take_back(self, database: Database) -> None:
        """Close all connections to a database, and retain it for the next test if its structure is unchanged."""
        database.close()
        with closing(self.superuser(database.name)) as db, db.cursor() as cursor:
            recycling.disconnect(cursor)
            if recycling.structure(cursor) == self.structure:
                recycling.empty(cursor)
                self.spare.append(database)


@dataclass
class Database:
    """A database of one test. Its connections are closed after the test."""

    server: Server
    name: str
    warm: dict[str, Connection] = field(default_factory=dict)
    _open: list[Connection] = field(default_factory=list)

    def settings(self, user: str) -> DatabaseSettings:
        """The settings with which a function connects."""
        port = self.server.config.pg_port
        place = {"db_host": HOST, "db_port": port, "db_name": self.name, "db_sslmode": "disable"}
        return DatabaseSettings.model_validate({**place, "db_user": user, "db_auth": "secret"})

    def connect(self, user: str, password: str = PASSWORD) -> Connection:
        """A connection like a function's, authenticated with a password."""
        self._open.append(connect(self.settings(user), password))
        return self._open[-1]

    def superuser(self) -> Connection:
        """A superuser connection in autocommit mode."""
        self._open.append(self.server.superuser(self.name))
        return self._open[-1]

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser, with the session settings of Data Forge's functions; return its rows."""
        db = self.superuser()
        with db.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            cursor.execute(statement, values)
            rows = cursor.fetchall() if cursor.description is not None else []
        db.close()
        return rows

    def until(self, statement: str) -> list[tuple[Any, ...]]:
        """Repeat the statement until it returns rows; return them."""
        deadline = time.monotonic() + 120
        while not (rows := self.query(statement)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return rows

    def close(self) -> None:
        """Close the connections. The database is removed with its server, because DROP waits for a checkpoint."""
        for db in self._open:
            db.close()
        self._open.clear()
        self.warm.clear()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server. As on RDS, its master is not a superuser but can create roles and databases."""
    state = tmp_path_factory.mktemp("postgres")
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        config = Config(state=state, pg_port=probe.getsockname()[1])
    for folder in (config.run, config.logs):
        folder.mkdir()
    postgres.start(config)
    try:
        server = Server(config)
        # The many databases contain nothing to vacuum.
        quick = ["fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off"]
        # The log of changes is not needed after a checkpoint, and may be in memory.
        quick += ["max_wal_size = '64MB'", "min_wal_size = '32MB'"]
        # There are thousands of logins.
        quick += ["scram_iterations = 1"]
        # As in the deployment's parameter group: no error of a statement, which may quote a record.
        quick += ["log_min_messages = 'log'"]
        server.run(*(f"ALTER SYSTEM SET {setting}" for setting in quick), "SELECT pg_reload_conf()")
        account = json.loads(config.superuser.read_text())
        server.run(
            f"ALTER ROLE {account['user']} PASSWORD '{account['password']}'",
            f"CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'",
        )
        yield server
    finally:
        postgres.reset(config)
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of the template database, which has the catalogue applied."""
    database = server.create(TEMPLATE)
    db = connect(database.settings(MASTER), PASSWORD)
    apply(db, PASSWORDS)
    db.close()
    # The databases of tests begin with an empty audit.
    with closing(server.superuser(TEMPLATE)) as db, db.cursor() as cursor:
        cursor.execute("TRUNCATE dataforge.audit RESTART IDENTITY")
    return TEMPLATE


@pytest.fixture(scope="module")
def another_database(server: Server, template: str) -> Iterator[Callable[[], Database]]:
    """Return a function that creates databases with the catalogue applied and without rows."""
    lent: list[Database] = []

    def lend() -> Database:
        lent.append(server.lend())
        return lent[-1]

    yield lend
    for database in lent:
        server.take_back(database)


@pytest.fixture
def database(server: Server, template: str) -> Iterator[Database]:
    """A database with the catalogue applied and without rows."""
    database = server.lend()
    yield database
    server.take_back(database)


@pytest.fixture(scope="module")
def module_database(another_database: Callable[[], Database]) -> Database:
    """One database for all tests of a module, which must not depend on its content."""
    return another_database()


@pytest.fixture
def empty_database(server: Server) -> Iterator[Database]:
    """An empty database."""
    database = server.create(f"test_{next(_numbers)}")
    yield database
    database.close()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set environment variables, among them those with which a function connects as a role; its secret is in moto."""

    def set_variables(database: Database, role: str, **more: str) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        secret = boto3.client("secretsmanager").create_secret(
            Name=f"secret-{next(_numbers)}", SecretString=json.dumps({"password": PASSWORD})
        )
        place = database.settings(role).model_dump(exclude_unset=True)
        for name, value in (place | {"db_secret_arn": secret["ARN"]} | more).items():
            monkeypatch.setenv(name.upper(), str(value))

    return set_variables


def usual(column: Column) -> str:
    """A valid value of the column; empty if the column is nullable."""
    if column.nullable or column.rule.choices:
        return "" if column.nullable else str(column.rule.choices[0])
    patterns = {r"^[0-9a-f]{32}$": f"{1:032x}", r"^[0-9]{5}$": "01037", r"^[A-Z]{2}$": "SP"}
    values = {
        "integer": "1",
        "numeric": "9.90",
        "double": "1.5",
        "timestamp": "2018-01-31 10:00:00",
        "text": "são paulo",
    }
    return patterns.get(column.rule.pattern or "", values[column.type.name])


@pytest.fixture(scope="session")
def make_csv() -> Callable[..., bytes]:
    """A table's CSV with a header and a line per row. Rows list differences from the defaults; ids may be numbers."""

    def make(table_name: str, *rows: Mapping[str, Any], line_end: str = "\n") -> bytes:
        table, buffer = DATASETS["olist"].table(table_name), io.StringIO()
        writer = csv.writer(buffer, lineterminator=line_end)
        writer.writerow(table.column_names)
        for row in rows:
            assert row.keys() <= table.by_name.keys()
            values = {c.name: row.get(c.name, usual(c)) for c in table.columns}
            writer.writerow(
                f"{v:032x}" if isinstance(v, int) and table.by_name[n].type.name == "text" else v
                for n, v in values.items()
            )
        return buffer.getvalue().encode()

    return make


@pytest.fixture(scope="module")
def cursor(module_database: Database) -> Iterator[Cursor]:
    """A cursor in a superuser transaction that is rolled back at the end of the module."""
    db = module_database.superuser()
    db.autocommit = False
    yield db.cursor()
    db.rollback()
