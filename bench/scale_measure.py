"""What a migration takes per megabyte of CSV, measured here: `python -m bench.scale_measure`.

Processor time, not the clock's: of this process (the workers' part) and of PostgreSQL's backends (the database's). So it
holds on a busy machine too. Parallel index builds are off, because a backend is not charged for its helpers.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from bench.folder_store import FolderStore
from bench.ours import PREFIX
from bench.scale_model import Constants
from bench.server import Server, server
from dataforge.database import Connection
from dataforge.roles import LOAD, MIGRATE
from dataforge.settings import MigrationSettings
from functions.migrate.begin import begin
from functions.migrate.cut import cut
from functions.migrate.items import LoadItem, ScanItem
from functions.migrate.load import load_chunk, scan_range
from functions.migrate.plan import plan
from functions.migrate.settle import settle
from local.generate import generate


class _Backend:
    """A connection with its server process."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        self.process = psutil.Process(db.get_backend_pid())

    def spent(self, work: Callable[[], object]) -> tuple[float, float]:
        """Processor seconds of this process and of the backend."""
        ours, theirs = time.process_time(), self._time()
        work()
        return time.process_time() - ours, self._time() - theirs

    def _time(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def _one(db: Connection, sql: str) -> Any:
    with db.cursor() as cursor:
        cursor.execute(sql)
        found = cursor.fetchone()
    db.rollback()
    return found and found[0]


def measure(running: Server, folder: Path) -> Constants:
    """One migration up to its settling, in this process alone."""
    running.create("scale")
    megabytes = sum(f.stat().st_size for f in folder.glob("*.csv")) / 2**20
    store = FolderStore(folder, PREFIX)
    base = running.settings("scale", MIGRATE).model_dump()
    settings = MigrationSettings(**base, raw_bucket="raw", report_bucket="reports")
    control, worker = (_Backend(running.connect("scale", role)) for role in (MIGRATE, LOAD))
    run = begin(control.db, "arn:scale", "2026-01-01T00:00:00Z", {})["migration_id"]
    planned = plan(control.db, store, settings, run)
    size, wal = _size(running), _wal(running)

    def items(place: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(store.written[place["key"]])
        return found

    scans = [ScanItem.model_validate(item) for item in items(planned["scan"])]
    scanned = sum(item.end - item.start for item in scans) / 2**20

    def scan_all() -> None:
        for item in scans:
            scan_range(worker.db, store, item)

    scan, _ = worker.spent(scan_all)
    listed = items(cut(control.db, store, settings, run))
    loads = [LoadItem.model_validate(item) for item in listed]
    mine, theirs = worker.spent(lambda: [load_chunk(worker.db, store, item) for item in loads])
    loaded_size, loaded_wal = _size(running), _wal(running)
    with control.db.cursor() as cursor:
        cursor.execute("SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0")
    control.db.commit()
    waves = [
        [sum(control.spent(partial(settle, control.db, store, run, table))) for table in wave]
        for wave in planned["waves"]
    ]
    rows = int(_one(running.connect("scale"), "SELECT sum(n_live_tup) FROM pg_stat_user_tables") or 0)
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
        item_bytes=round(len(json.dumps(listed)) / len(listed)),
    )


def _size(running: Server) -> int:
    return int(_one(running.connect("scale"), "SELECT pg_database_size(current_database())"))


def _wal(running: Server) -> int:
    return int(_one(running.connect("scale"), "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))


def main() -> None:
    """Measure on generated data and print the constants for ``bench/scale_model.py``."""
    with tempfile.TemporaryDirectory(prefix="dataforge-scale-") as made, server() as running:
        generate(Path(made), orders=100_000, seed=7)
        for name, value in asdict(measure(running, Path(made))).items():
            print(f"    {name}={value!r},")


if __name__ == "__main__":
    main()
