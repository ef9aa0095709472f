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
from dataforge.postgres.roles import LOGINS, OWNER
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
        """A connection that may do everything; what it does is visible at once."""
        db = psycopg2.connect(postgres.url(self.config, database), sslmode="disable", gssencmode="disable")
        db.autocommit = True
        return db

    def run(self, *statements: str) -> None:
        """Statements outside any transaction, by the superuser."""
        db = self.superuser()
        with db.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        db.close()

    def create(self, name: str, template: str = "template1") -> Database:
        """A database that belongs to the master, as the one that RDS makes. Nothing may be connected to the template."""
        self.run(f"CREATE DATABASE {name} OWNER {MASTER} TEMPLATE {template}")
        return Database(self, name)

    def lend(self) -> Database:
        """A database with the catalogue applied, to be given back: one that was used before, if there is any."""
        if self.spare:
            return self.spare.pop()
        database = self.create(f"test_{next(_numbers)}", TEMPLATE)
        # A copy does not have the rights on the database itself.
        rights = {"CREATE, CONNECT": OWNER, "CONNECT": ", ".join(LOGINS)}
        self.run(*(f"GRANT {r} ON DATABASE {database.name} TO {roles}" for r, roles in rights.items()))
        if not self.structure:
            with closing(self.superuser(database.name)) as db, db.cursor() as cursor:
                self.structure = recycling.structure(cursor)
        return database

    def take_back(self, database: Database) -> None:
        """Close what is connected to a database, and keep it for the next test if that will see no difference."""
        database.close()
        with closing(self.superuser(database.name)) as db, db.cursor() as cursor:
            recycling.disconnect(cursor)
            if recycling.structure(cursor) == self.structure:
                recycling.empty(cursor)
                self.spare.append(database)


@dataclass
class Database:
    """A database of one test; every connection made here is closed after it."""

    server: Server
    name: str
    warm: dict[str, Connection] = field(default_factory=dict)
    _open: list[Connection] = field(default_factory=list)

    def settings(self, user: str) -> DatabaseSettings:
        """How a function reaches it."""
        port = self.server.config.pg_port
        place = {"db_host": HOST, "db_port": port, "db_name": self.name, "db_sslmode": "disable"}
        return DatabaseSettings.model_validate({**place, "db_user": user, "db_auth": "secret"})

    def connect(self, user: str, password: str = PASSWORD) -> Connection:
        """A connection as a function has it, logged in with a password."""
        self._open.append(connect(self.settings(user), password))
        return self._open[-1]

    def superuser(self) -> Connection:
        """A connection that may do everything; what it does is visible at once."""
        self._open.append(self.server.superuser(self.name))
        return self._open[-1]

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement that the superuser runs, with values printed as Data Forge's functions see them."""
        db = self.superuser()
        with db.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            cursor.execute(statement, values)
            rows = cursor.fetchall() if cursor.description is not None else []
        db.close()
        return rows

    def until(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of the statement, as soon as it has any."""
        deadline = time.monotonic() + 120
        while not (rows := self.query(statement)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return rows

    def close(self) -> None:
        """Close what was connected here. The database goes with its server: to drop it would wait for a checkpoint."""
        for db in self._open:
            db.close()
        self._open.clear()
        self.warm.clear()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, with a master as RDS makes it: no superuser, but it may create roles and databases."""
    state = tmp_path_factory.mktemp("postgres")
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        config = Config(state=state, pg_port=probe.getsockname()[1])
    for folder in (config.run, config.logs):
        folder.mkdir()
    postgres.start(config)
    try:
        server = Server(config)
        # There are many databases, and nothing in them to be tidied up.
        quick = ["fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off"]
        # There are thousands of logins.
        quick += ["scram_iterations = 1"]
        server.run(*(f"ALTER SYSTEM SET {setting}" for setting in quick), "SELECT pg_reload_conf()")
        account = json.loads(config.superuser.read_text())
        server.run(
            f"ALTER ROLE {account['user']} PASSWORD '{account['password']}'",
            f"CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'",
        )
        yield server
    finally:
        postgres.stop(config)
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a database with the catalogue applied, to copy from."""
    database = server.create(TEMPLATE)
    db = connect(database.settings(MASTER), PASSWORD)
    apply(db, PASSWORDS)
    db.close()
    return TEMPLATE


@pytest.fixture(scope="module")
def another_database(server: Server, template: str) -> Iterator[Callable[[], Database]]:
    """Makes databases with the catalogue applied and no row in it."""
    lent: list[Database] = []

    def lend() -> Database:
        lent.append(server.lend())
        return lent[-1]

    yield lend
    for database in lent:
        server.take_back(database)


@pytest.fixture
def database(server: Server, template: str) -> Iterator[Database]:
    """A database with the catalogue applied and no row in it."""
    database = server.lend()
    yield database
    server.take_back(database)


@pytest.fixture(scope="module")
def module_database(another_database: Callable[[], Database]) -> Database:
    """One database for all tests of a module, for tests that do not mind what is in it."""
    return another_database()


@pytest.fixture
def empty_database(server: Server) -> Iterator[Database]:
    """A database with nothing in it."""
    database = server.create(f"test_{next(_numbers)}")
    yield database
    database.close()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the variables by which a function with a role reaches a database, and others. The secret lies in moto's AWS."""

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
    """A valid value of the column; empty where it may be NULL."""
    if column.nullable or column.rule.choices:
        return "" if column.nullable else column.rule.choices[0]
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
    """A table's CSV with a header, a line per row; rows name what is not usual, ids may be numbers."""

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
    """In a transaction of the superuser's, which is rolled back when the module is done."""
    db = module_database.superuser()
    db.autocommit = False
    yield db.cursor()
    db.rollback()
