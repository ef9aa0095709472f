"""Backup in process, compared with pg_dump in the same run: times and sizes."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg2
import pyarrow as pa

from bench.backups.disk_store import DiskStore
from bench.data import data
from bench.server import Server, server
from bench.show import show_table
from dataforge.backups.manifest import Manifest
from dataforge.postgres import ddl
from dataforge.postgres.connection import connect
from dataforge.postgres.roles import BACKUP
from dataforge.runs.lifecycle import close_run
from dataforge.settings import BackupSettings
from dataforge.tables.datasets import get_dataset
from functions.backup.begin import begin
from functions.backup.export_snapshot import export_snapshot
from functions.backup.plan import PageRange, plan
from functions.backup.run import BACKUPS
from functions.backup.write_file import write_file
from functions.backup.write_manifest import write_manifest

WORKERS = 2
SOURCE = "source"

DUMPS = {"dump": "gzip:1", "lz4": "lz4:1", "zstd": "zstd:1", "none": "none"}
"""The ways of the peer, of which the build of PostgreSQL may lack some."""

_worker: dict[str, Any] = {}


def main(asked: argparse.Namespace) -> None:
    """Print seconds, sizes and ratios; rounds of Data Forge and pg_dump alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        rows = fill(running, data(asked, Path(made)))
        methods = [name for name in DUMPS if can_dump(running, Path(made), name)]
        figures: dict[str, list[float]] = {"ours": [], **{name: [] for name in methods}, "copy": []}
        sizes: dict[str, int] = {}
        with workers(running, Path(made) / "store") as pool:
            # Not counted: reading and compiling on the first call.
            ours(running, pool, Path(made) / "store")
            for _ in range(asked.rounds):
                for name in methods:
                    seconds, sizes[name] = dump(running, Path(made), name)
                    figures[name].append(seconds)
                seconds, backup = ours(running, pool, Path(made) / "store")
                figures["ours"].append(seconds)
                figures["copy"].append(copy(running))
                sizes["ours"] = backup.size
            memory = max(pool.map(_memory, range(WORKERS * 4)))
    _show(rows, figures, sizes, memory)


def _show(rows: int, figures: dict[str, list[float]], sizes: dict[str, int], memory: int) -> None:
    names = {
        "ours": "Data Forge, in process, two workers",
        **{name: f"pg_dump -Fd -j{WORKERS} -Z{method}" for name, method in DUMPS.items()},
        "copy": "COPY TO STDOUT, discarded (the limit)",
    }
    base = statistics.median(figures["dump"])
    table = []
    for key, name in names.items():
        if key not in figures:
            continue
        seconds = statistics.median(figures[key])
        size = f"{sizes[key] / 1e6:.1f}" if key in sizes else ""
        table.append((name, f"{seconds:.2f}", f"{rows / seconds:,.0f}", size, f"{seconds / base:.2f}"))
    show_table(
        f"Backup of {rows:,} rows, hashes and manifest included",
        ("", "seconds", "rows/s", "MB", "ratio"),
        table,
    )
    print(f"Peak memory of a worker: {memory / 1024:.0f} MiB")


def fill(running: Server, folder: Path) -> int:
    """Load the CSVs into the database ``source``, duplicates of geolocations included; returns the number of rows."""
    running.create(SOURCE)
    dataset, rows = get_dataset("olist"), 0
    with closing(psycopg2.connect(running.superuser_url(SOURCE))) as db, db, db.cursor() as cursor:
        cursor.execute("ALTER TABLE olist.geolocations DROP CONSTRAINT geolocations_pkey")
        for table in (dataset.table(name) for wave in dataset.waves() for name in wave):
            copy = f"COPY {ddl.qualified(table)} ({ddl.columns_sql(table)}) FROM STDIN (FORMAT csv, HEADER)"
            with (folder / str(table.file)).open("rb") as file:
                cursor.copy_expert(copy, file)
            rows += cursor.rowcount
    _tidy(running)
    return rows


def _tidy(running: Server) -> None:
    with closing(psycopg2.connect(running.superuser_url(SOURCE))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")


def can_dump(running: Server, made: Path, method: str) -> bool:
    """Whether the build has the compression. The dump is made once, which is not counted."""
    try:
        dump(running, made, method)
    except subprocess.CalledProcessError:
        return False
    return True


def dump(running: Server, made: Path, method: str) -> tuple[float, int]:
    """Seconds and bytes of a dump of the dataset's schema, by as many workers as ours."""
    folder = made / "dump"
    shutil.rmtree(folder, ignore_errors=True)
    program = str(running.psql().with_name("pg_dump"))
    call = [program, "-Fd", f"-j{WORKERS}", f"-Z{DUMPS[method]}", "-n", "olist", "-f", str(folder)]
    begun = time.perf_counter()
    subprocess.run([*call, running.superuser_url(SOURCE)], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun, sum(file.stat().st_size for file in folder.iterdir())


def copy(running: Server) -> float:
    """Seconds of reading every table as text."""
    dataset = get_dataset("olist")
    begun = time.perf_counter()
    script = [f"\\copy {ddl.qualified(t)} to /dev/null with (format csv)" for t in dataset.tables.values()]
    subprocess.run(
        [running.psql(), "-q", "-X", running.superuser_url(SOURCE)],
        input="\n".join(script),
        text=True,
        check=True,
    )
    return time.perf_counter() - begun


def _settings(running: Server) -> BackupSettings:
    base = running.settings(SOURCE, BACKUP).model_dump()
    return BackupSettings(**base, backup_bucket="backup", report_bucket="report")


def _open(settings: BackupSettings, password: str, folder: Path) -> None:
    # On its first use pyarrow imports pandas if it is installed, as it is here but not in the functions' layers.
    pa.array([1]).to_numpy(zero_copy_only=False)
    _worker.update(settings=settings, db=connect(settings, password), store=DiskStore(folder))


def _work(item: dict[str, Any]) -> None:
    write_file(_worker["db"], _worker["store"], _worker["settings"], PageRange.model_validate(item))


def _memory(_: int) -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def workers(running: Server, folder: Path) -> Iterator[ProcessPoolExecutor]:
    """Two warm processes, as two warm Lambda functions."""
    arguments = (_settings(running), running.password, folder)
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), _open, arguments) as pool:
        list(pool.map(_memory, range(WORKERS * 4)))
        yield pool


def ours(running: Server, pool: ProcessPoolExecutor, folder: Path) -> tuple[float, Manifest]:
    """Seconds of a whole backup, from the lease to the manifest, and the manifest."""
    shutil.rmtree(folder, ignore_errors=True)
    settings, store = _settings(running), DiskStore(folder)
    execution = f"arn:aws:states:local:0:execution:bench:{time.time_ns()}"
    with (
        closing(running.connect(SOURCE, BACKUP)) as db,
        closing(running.connect(SOURCE, BACKUP)) as watcher,
        closing(running.connect(SOURCE, BACKUP)) as holder,
    ):
        begun = time.perf_counter()
        run = begin(db, store, settings, execution, "2026-01-01T00:00:00Z", {})["run_id"]
        holding = Thread(target=export_snapshot, args=(watcher, holder, run, 600))
        holding.start()
        items = json.loads((folder / "report" / plan(db, store, settings, run)["key"]).read_bytes())
        list(pool.map(_work, items))
        uri = write_manifest(db, store, settings, run)["manifest"]
        seconds = time.perf_counter() - begun
        holding.join()
        close_run(db, BACKUPS, execution, "done")
    body = (folder / uri.removeprefix("s3://")).read_bytes()
    return seconds, Manifest.model_validate_json(body)
