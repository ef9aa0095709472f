"""What a user would take instead: psql's \\copy, with constraints in place or added after."""

from __future__ import annotations

import subprocess
import time
from contextlib import closing
from pathlib import Path

import psycopg2

from bench.server import Server
from dataforge import ddl
from dataforge.datasets import get_dataset


def copy_constrained(server: Server, folder: Path) -> float:
    """Seconds of ``\\copy``, file after file, into tables with keys, foreign keys and checks.

    Geolocations have no key here: their duplicates would stop the copy.
    """
    _make(server, constrained=True)
    return _copy(server, folder)


def copy_then_constrain(server: Server, folder: Path) -> float:
    """Seconds of ``\\copy`` into bare tables, then adding what ``copy_constrained`` has: the limit."""
    _make(server, constrained=False)
    seconds = _copy(server, folder)
    begun = time.perf_counter()
    _execute(server, list(_constraints()))
    return seconds + time.perf_counter() - begun


def _tables() -> list[str]:
    return [name for wave in get_dataset("olist").waves() for name in wave]


def _constraints() -> list[str]:
    dataset = get_dataset("olist")
    return [
        f"ALTER TABLE {ddl.qualified(dataset.table(t))} ADD CONSTRAINT {ddl.ident(name)} {definition}"
        for t in _tables()
        for name, definition in ddl.constraints(dataset.table(t))
        if name != "geolocations_pkey"
    ] + [s for t in _tables() for _, s in ddl.index_statements(dataset.table(t))]


def _make(server: Server, *, constrained: bool) -> None:
    with closing(psycopg2.connect(server.superuser_url("postgres"))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS peer WITH (FORCE)")
            cursor.execute("CREATE DATABASE peer")
            cursor.execute("CHECKPOINT")
    tables = [ddl.create_table(get_dataset("olist").table(t)) for t in _tables()]
    _execute(server, ["CREATE SCHEMA olist", *tables, *(_constraints() if constrained else [])])


def _execute(server: Server, statements: list[str]) -> None:
    with closing(psycopg2.connect(server.superuser_url("peer"))) as db, db, db.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _copy(server: Server, folder: Path) -> float:
    dataset = get_dataset("olist")
    script = ["\\set ON_ERROR_STOP on"]
    for name in _tables():
        table = dataset.table(name)
        script.append(
            f"\\copy {ddl.qualified(table)} ({ddl.columns_sql(table)})"
            f" from '{folder / str(table.file)}' with (format csv, header)"
        )
    begun = time.perf_counter()
    subprocess.run(
        [server.psql(), "-q", "-X", server.superuser_url("peer")],
        input="\n".join(script),
        text=True,
        check=True,
    )
    return time.perf_counter() - begun
