"""The peers of migration: psql's \\copy, with constraints in place or added after; pandas, and dlt."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psycopg2

from bench.peer import PEER_PYTHON
from bench.server import Server
from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.datasets import get_dataset

PANDAS_SHARE = 50
"""pandas inserts one of this number of rows; its time is multiplied by the number."""


def copy_constrained(server: Server, folder: Path) -> float:
    """Seconds of ``\\copy``, file after file, into tables with keys, foreign keys and checks.

    Geolocations have no key here: their duplicates would stop the copy.
    """
    _make(server, constrained=True)
    return _copy(server, folder)


def copy_then_constrain(server: Server, folder: Path) -> float:
    """Seconds of ``\\copy`` into bare tables, then adding the constraints of ``copy_constrained``: the limit."""
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
        Sql("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
            ddl.qualified(dataset.table(t)), ident(name), definition
        )
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


def by_pandas(server: Server, folder: Path) -> float:
    """Estimated seconds of ``to_sql``, from those for the first rows of each file."""
    tables = {}
    for name, file in _files(folder).items():
        with Path(file).open("rb") as lines:
            tables[name] = file, 1 + sum(1 for _ in lines) // PANDAS_SHARE
    return PANDAS_SHARE * _by_script(server, "pandas_peer.py", tables)


def by_dlt(server: Server, folder: Path) -> float:
    """Seconds of dlt with its CSV loader."""
    return _by_script(server, "dlt_peer.py", _files(folder))


def _files(folder: Path) -> dict[str, str]:
    return {name: str(folder / str(get_dataset("olist").table(name).file)) for name in _tables()}


def _by_script(server: Server, script: str, tables: object) -> float:
    _make(server, constrained=False)
    call = [PEER_PYTHON, Path(__file__).with_name(script), server.superuser_url("peer"), json.dumps(tables)]
    # Without this setting dlt reports its use.
    quiet = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    return float(
        subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True, env=quiet).stdout.split()[-1]
    )
