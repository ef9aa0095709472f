"""The peers of migration that are not PostgreSQL's own: pandas, dlt and DuckDB. Each has one process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from bench.migration.copies import DATABASE, TABLES, make_bare
from bench.peer import PEER_PYTHON
from bench.server import Server
from dataforge.tables.datasets import get_dataset

PANDAS_SHARE = 50
"""pandas inserts one of this number of rows; its time is multiplied by the number."""


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


def by_duckdb(server: Server, folder: Path) -> float:
    """Seconds of DuckDB's extension for PostgreSQL, with as many threads as cores."""
    return _by_script(server, "duckdb_peer.py", _files(folder))


def _files(folder: Path) -> dict[str, str]:
    return {name: str(folder / str(get_dataset("olist").table(name).file)) for name in TABLES}


def _by_script(server: Server, script: str, tables: object) -> float:
    make_bare(server)
    call = [PEER_PYTHON, Path(__file__).with_name(script), server.superuser_url(DATABASE), json.dumps(tables)]
    # Without this setting dlt reports its use.
    quiet = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    return float(
        subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True, env=quiet).stdout.split()[-1]
    )
