"""Measure the cost of a migration per megabyte of CSV: `python -m bench.scale.measure`.

The times are processor times, of this process (the workers' part) and of PostgreSQL's backends (the database's). Parallel
index builds are off, because a backend's time excludes its parallel workers. A shared processor is slower by a quarter and
more, so the least of several rounds is used. Run no other programs meanwhile.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from bench.scale.measure_filled import measure_filled
from bench.scale.model import Constants
from bench.scale.run import Run, Spent
from bench.server import Server, server
from dataforge.bulk.parquet import arrow_schema
from dataforge.tables.datasets import DATASETS
from local.generate import generate

ROUNDS = 3
ORDERS = 100_000
_ROW_GROUP = 122_880
"""Rows of a row group, as DuckDB and others write them."""


def measure(running: Server, folder: Path) -> Constants:
    """One migration up to its resolving, the load of the same rows from Parquet, and a replay."""
    running.create("scale")
    megabytes = _megabytes(folder)
    size, wal = _size(running), _wal(running)
    run = Run(running, "scale", folder, {})
    run.plan()
    scanned = sum(item.end - item.start for item in run.scans) / 2**20
    scan, _ = run.scan()
    mine, theirs = run.load()
    loaded_size, loaded_wal = _size(running), _wal(running)
    with run.control.db.cursor() as cursor:
        cursor.execute("SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0")
    run.control.db.commit()
    waves = [run.settle(wave) for wave in run.waves]
    rows = int(_one(running, "SELECT sum(n_live_tup) FROM pg_stat_user_tables") or 0)
    with tempfile.TemporaryDirectory(prefix="dataforge-scale-") as made:
        (parquet, _), share = _load_parquet(running, folder, Path(made))
    replayed, ours, databases = _replay(running, folder)
    return Constants(
        measured=datetime.now(UTC).date().isoformat(),
        megabytes=round(megabytes, 1),
        rows=rows,
        scan_seconds=round(scan / scanned, 5) if scanned else 0.0,
        worker_seconds=round(mine / megabytes, 4),
        database_seconds=round(theirs / megabytes, 4),
        settle_seconds=round(sum(map(max, waves)) / megabytes, 4),
        largest_settle_seconds=round(max(map(max, waves)) / megabytes, 4),
        stored=round((loaded_size - size) / 2**20 / megabytes, 2),
        stored_settled=round((_size(running) - size) / 2**20 / megabytes, 2),
        wal=round((loaded_wal - wal) / 2**20 / megabytes, 2),
        item_bytes=round(len(json.dumps(run.loads)) / len(run.loads)),
        parquet_size=round(share / megabytes, 2),
        parquet_worker_seconds=round(parquet / megabytes, 4),
        replay_worker_seconds=round(1000 * ours / replayed, 3),
        replay_database_seconds=round(1000 * databases / replayed, 3),
    )


def _load_parquet(running: Server, folder: Path, made: Path) -> tuple[Spent, float]:
    """The time to load the same rows from Parquet, with the columns' types; and the files' megabytes."""
    for table in DATASETS["olist"].tables.values():
        options = pacsv.ConvertOptions(column_types=arrow_schema(table), strings_can_be_null=True)
        newlines = pacsv.ParseOptions(newlines_in_values=True)
        rows = pacsv.read_csv(folder / str(table.file), parse_options=newlines, convert_options=options)
        pq.write_table(rows, made / f"{Path(str(table.file)).stem}.parquet", row_group_size=_ROW_GROUP)
    running.create("parquet")
    run = Run(running, "parquet", made, {})
    run.plan()
    return run.load(), _megabytes(made)


def _replay(running: Server, folder: Path) -> tuple[int, float, float]:
    """Orders without customers are rejected, then replayed: how many, and seconds of the worker and of the database."""
    running.create("replay")
    first = Run(running, "replay", folder, {"tables": ["orders"], "quality_threshold": 0})
    first.plan()
    first.scan()
    first.load()
    first.settle(["orders"])
    first.publish()
    rejected = int(_one(running, "SELECT count(*) FROM dataforge.rejections", "replay"))
    again = Run(running, "replay", folder, {"replay": {"migration_id": first.id}})
    _, collected = again.plan()
    mine, theirs = again.load()
    return rejected, mine, collected + theirs


def _megabytes(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.iterdir()) / 2**20


def _one(running: Server, sql: str, database: str = "scale") -> Any:
    db = running.connect(database)
    with db.cursor() as cursor:
        cursor.execute(sql)
        found = cursor.fetchone()
    db.close()
    return found and found[0]


def _size(running: Server) -> int:
    return int(_one(running, "SELECT pg_database_size(current_database())"))


def _wal(running: Server) -> int:
    return int(_one(running, "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))


def main() -> None:
    """Measure on generated data and print the constants for ``bench/scale/model.py`` and ``weekly.py``."""
    constants, filled = [], []
    with tempfile.TemporaryDirectory(prefix="dataforge-scale-") as made, server() as running:
        folder = Path(made) / "first"
        generate(folder, orders=ORDERS, seed=7)
        for number in range(ROUNDS):
            constants.append(asdict(measure(running, folder)))
            filled.append(asdict(measure_filled(running, folder, Path(made) / str(number), ORDERS)))
    _show("CONSTANTS", constants)
    _show("FILLED", filled)


def _show(name: str, rounds: list[dict[str, Any]]) -> None:
    """Print the least of each time, and the first of the other values."""
    print(name)
    for field, value in rounds[0].items():
        print(
            f"    {field}={min(found[field] for found in rounds) if field.endswith('_seconds') else value!r},"
        )


if __name__ == "__main__":
    main()
