"""Backup in process, compared with pg_dump in the same run: times and sizes."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg2
import pyarrow as pa

from bench import goals
from bench.backups.disk_store import DiskStore
from bench.data import data
from bench.processors import Cost, cost_of, show_costs
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

DUMPS = ("gzip:1", "lz4:1", "zstd:1", "none")
"""The compression methods of the peer, of which the build of PostgreSQL may lack some."""

_worker: dict[str, Any] = {}


OURS, COPY = "Data Forge, in process, two workers", "COPY TO STDOUT, discarded (the limit)"


def main(asked: argparse.Namespace) -> None:
    """Print costs, sizes and ratios; rounds of Data Forge and pg_dump alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        folder = Path(made)
        rows = fill(running, data(asked, folder))
        peers = {_dump_name(method): method for method in DUMPS if can_dump(running, folder, method)}
        costs: dict[str, list[Cost]] = defaultdict(list)
        sizes: dict[str, int] = {}
        with workers(running, folder / "store") as pool:
            # Not counted: reading and compiling on the first call.
            ours(running, pool, folder / "store")
            for _ in range(asked.rounds):
                for name, method in peers.items():
                    cost, sizes[name] = dump(running, folder, method)
                    costs[name].append(cost)
                cost, backup = ours(running, pool, folder / "store")
                costs[OURS].append(cost)
                costs[COPY].append(cost_of(running, lambda: copy(running)))
                sizes[OURS] = backup.size
            memory = max(pool.map(_memory, range(WORKERS * 4)))
    show_costs(
        f"Backup of {rows:,} rows, hashes and manifest included",
        costs,
        _dump_name(DUMPS[0]),
        {OURS: goals.BACKUP},
    )
    show_table(
        "Size of the backup", ("", "MB"), [(name, f"{size / 1e6:.1f}") for name, size in sizes.items()]
    )
    print(f"Peak memory of a worker: {memory / 1024:.0f} MiB")


def _dump_name(method: str) -> str:
    return f"pg_dump -Fd -j{WORKERS} -Z{method}"


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


def dump(running: Server, made: Path, method: str) -> tuple[Cost, int]:
    """Cost and bytes of a dump of the dataset's schema, by as many workers as ours."""
    folder = made / "dump"
    shutil.rmtree(folder, ignore_errors=True)
    program = str(running.psql().with_name("pg_dump"))
    call = [program, "-Fd", f"-j{WORKERS}", f"-Z{method}", "-n", "olist", "-f", str(folder)]
    call.append(running.superuser_url(SOURCE))
    cost = cost_of(running, lambda: subprocess.run(call, check=True, stderr=subprocess.DEVNULL))
    return cost, sum(file.stat().st_size for file in folder.iterdir())


def copy(running: Server) -> None:
    """Read every table as text."""
    dataset = get_dataset("olist")
    script = [f"\\copy {ddl.qualified(t)} to /dev/null with (format csv)" for t in dataset.tables.values()]
    subprocess.run(
        [running.psql(), "-q", "-X", running.superuser_url(SOURCE)],
        input="\n".join(script),
        text=True,
        check=True,
    )


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


def ours(running: Server, pool: ProcessPoolExecutor, folder: Path) -> tuple[Cost, Manifest]:
    """The cost of a whole backup, from the lease to the manifest, and the manifest."""
    shutil.rmtree(folder, ignore_errors=True)
    uris: list[str] = []
    cost = cost_of(running, lambda: uris.append(_back_up(running, pool, folder)))
    body = (folder / uris[0].removeprefix("s3://")).read_bytes()
    return cost, Manifest.model_validate_json(body)


def _back_up(running: Server, pool: ProcessPoolExecutor, folder: Path) -> str:
    """Make a backup; returns the manifest's URI."""
    settings, store = _settings(running), DiskStore(folder)
    execution = f"arn:aws:states:local:0:execution:bench:{time.time_ns()}"
    with (
        closing(running.connect(SOURCE, BACKUP)) as db,
        closing(running.connect(SOURCE, BACKUP)) as watcher,
        closing(running.connect(SOURCE, BACKUP)) as holder,
    ):
        run = begin(db, store, settings, execution, "2026-01-01T00:00:00Z", {})["run_id"]
        holding = Thread(target=export_snapshot, args=(watcher, holder, run, 600))
        holding.start()
        items = json.loads((folder / "report" / plan(db, store, settings, run)["key"]).read_bytes())
        list(pool.map(_work, items))
        uri = write_manifest(db, store, settings, run)["manifest"]
        holding.join()
        close_run(db, BACKUPS, execution, "done")
    return uri
