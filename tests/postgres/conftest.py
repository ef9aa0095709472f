"""A real PostgreSQL for the tests: one server per session, one database per test, logins as on RDS."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection, quote_ident

from dataforge.database import connect
from dataforge.roles import LOAD, LOGINS, MIGRATE, OWNER
from dataforge.settings import DatabaseSettings
from functions.schema.apply import apply
from local import postgres
from local.config import HOST, Config

MASTER = "master"
PASSWORD = "for the tests"
PASSWORDS = dict.fromkeys(LOGINS, PASSWORD)
TEMPLATE = "applied"
_numbers = itertools.count(1)


@dataclass
class Server:
    """A running server."""

    config: Config

    def superuser(self, database: str = "postgres") -> connection:
        """A connection that may do everything; what it does is visible at once."""
        db = psycopg2.connect(postgres.url(self.config, database))
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


@dataclass
class Database:
    """A database of one test; every connection made here is closed after it."""

    server: Server
    name: str
    _open: list[connection] = field(default_factory=list)

    def settings(self, user: str) -> DatabaseSettings:
        """How a function reaches it."""
        port = self.server.config.pg_port
        place = {"db_host": HOST, "db_port": port, "db_name": self.name, "db_sslmode": "disable"}
        return DatabaseSettings.model_validate({**place, "db_user": user, "db_auth": "secret"})

    def connect(self, user: str, password: str = PASSWORD) -> connection:
        """A connection as a function has it, logged in with a password."""
        self._open.append(connect(self.settings(user), password))
        return self._open[-1]

    def superuser(self) -> connection:
        """A connection that may do everything; what it does is visible at once."""
        self._open.append(self.server.superuser(self.name))
        return self._open[-1]

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement that the superuser runs, with values printed as Data Forge's functions see them."""
        db = self.superuser()
        with db.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            cursor.execute(statement, values)
            rows = cursor.fetchall() if cursor.description else []
        db.close()
        return rows

    def close(self) -> None:
        """Close the connections and drop the database."""
        for db in self._open:
            db.close()
        self.server.run(f"DROP DATABASE {self.name} WITH (FORCE)")


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
        quick = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200")
        server.run(*(f"ALTER SYSTEM SET {setting}" for setting in quick), "SELECT pg_reload_conf()")
        server.run(f"CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'")
        yield server
    finally:
        postgres.stop(config)


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    """The name of a database with the catalogue applied, to copy from."""
    database = server.create(TEMPLATE)
    db = connect(database.settings(MASTER), PASSWORD)
    apply(db, PASSWORDS)
    db.close()
    return TEMPLATE


@pytest.fixture
def empty_database(server: Server) -> Iterator[Database]:
    """A database with nothing in it."""
    database = server.create(f"test_{next(_numbers)}")
    yield database
    database.close()


@pytest.fixture
def another_database(server: Server, template: str) -> Iterator[Callable[[], Database]]:
    """Makes databases with the catalogue applied and no row in them."""
    made: list[Database] = []

    def make() -> Database:
        made.append(server.create(f"test_{next(_numbers)}", template))
        # A copy does not have the rights on the database itself.
        server.run(f"GRANT CREATE, CONNECT ON DATABASE {made[-1].name} TO {OWNER}, {', '.join(LOGINS)}")
        return made[-1]

    yield make
    for database in made:
        database.close()


@pytest.fixture
def database(another_database: Callable[[], Database]) -> Database:
    """A database with the catalogue applied and no row in it."""
    return another_database()


@pytest.fixture
def control(database: Database) -> connection:
    """The connection of the function that takes the steps."""
    return database.connect(MIGRATE)


@pytest.fixture
def worker(database: Database) -> connection:
    """The connection of a function that loads a chunk."""
    return database.connect(LOAD)


@pytest.fixture(scope="session")
def insert() -> Callable[..., None]:
    """Adds rows, given as texts by column, to a table, as its owner might by hand."""

    def run(database: Database, relation: str, *rows: dict[str, Any]) -> None:
        db = database.superuser()
        with db.cursor() as cursor:
            for row in rows:
                names = ", ".join(quote_ident(name, cursor) for name in row)
                marks = ", ".join(["%s"] * len(row))
                cursor.execute(f"INSERT INTO {relation} ({names}) VALUES ({marks})", list(row.values()))
        db.close()

    return run
