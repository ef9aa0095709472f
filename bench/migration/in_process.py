"""The migration in process: all steps, the chunks and the tables of a wave on two worker processes, in their order."""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from bench.folder_store import FolderStore
from bench.processors import Cost, cost_of
from bench.server import Server
from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.postgres.connection import connect
from dataforge.postgres.roles import LOAD, MIGRATE
from dataforge.runs.results.migration import MigratedTable, MigrationOutput
from dataforge.runs.step_names import MigrationStep
from dataforge.settings import DatabaseSettings, MigrationSettings, RejectionLimits
from functions.migrate.lifecycle.begin import begin
from functions.migrate.load.load import load_chunk
from functions.migrate.plan.plan import plan
from functions.migrate.publish.publish import publish
from functions.migrate.reconcile.reconcile import reconcile
from functions.migrate.report.report import report
from functions.migrate.resolve.resolve import resolve
from functions.migrate.run.work_items import LoadItem, ScanItem
from functions.migrate.scan.cut import cut
from functions.migrate.scan.scan import scan_range

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from dataforge.postgres.types import Connection


WORKERS = 2
PREFIX = "olist/"
LIMITS = RejectionLimits(report_bucket="reports")
_worker: dict[str, Any] = {}


def _nothing() -> None:
    """Declare nothing: the datasets are those of the project."""


def _open(
    folder: Path,
    password: str,
    load: DatabaseSettings,
    control: DatabaseSettings,
    declare: Callable[[], None],
    ready: Barrier,
) -> None:
    declare()
    # On its first use pyarrow imports pandas if it is installed, as it is here but not in the functions' layers.
    pa.array([1]).to_numpy(zero_copy_only=False)
    _worker.update(
        store=FolderStore(folder, PREFIX), load=connect(load, password), control=connect(control, password)
    )
    # The start of a process must not be measured as work of the other.
    ready.wait()


def _work(item: dict[str, Any]) -> None:
    if item["step"] == MigrationStep.SCAN:
        scan_range(_worker["load"], _worker["store"], ScanItem.model_validate(item))
    else:
        load_chunk(_worker["load"], _worker["store"], LIMITS, LoadItem.model_validate(item))


def _settle(run: str, table: str) -> None:
    resolve(_worker["control"], _worker["store"], LIMITS, run, table)


def _memory(_: int) -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def workers(
    server: Server, database: str, folder: Path, declare: Callable[[], None] = _nothing
) -> Iterator[ProcessPoolExecutor]:
    """Two warm processes, as two warm Lambda functions. ``declare`` changes the datasets in them."""
    settings = server.settings(database, LOAD), server.settings(database, MIGRATE)
    context = get_context("spawn")
    arguments = (folder, server.password, *settings, declare, context.Barrier(WORKERS))
    with ProcessPoolExecutor(WORKERS, context, _open, arguments) as pool:
        list(pool.map(_memory, range(WORKERS * 4)))
        yield pool


def migrate(
    server: Server,
    database: str,
    folder: Path,
    pool: ProcessPoolExecutor,
    threshold: float = float(QUALITY_THRESHOLD),
    on_conflict: str = "reject",
    around_publish: Callable[[], AbstractContextManager[None]] = nullcontext,
    store: FolderStore | None = None,
) -> tuple[dict[str, float], MigrationOutput]:
    """Seconds per step, and the run's output. ``around_publish`` is entered before publication and left after it."""
    store = store or FolderStore(folder, PREFIX)
    base = server.settings(database, MIGRATE).model_dump()
    settings = MigrationSettings(**base, raw_bucket="raw", report_bucket="reports")
    db = server.connect(database, MIGRATE)
    clock = _Clock()
    execution = f"arn:aws:states:local:0:execution:bench:{time.time_ns()}"
    document = {"quality_threshold": threshold, "on_conflict": on_conflict}
    run = begin(db, execution, "2026-01-01T00:00:00Z", document)["migration_id"]
    planned = plan(db, store, settings, run)
    clock.lap("plan")
    list(pool.map(_work, _items(store, planned["scan"])))
    clock.lap("scan")
    loads = _items(store, cut(db, store, settings, run))
    list(pool.map(_work, loads))
    clock.lap("load")
    _settle_all(db, pool, run, planned["waves"])
    clock.lap("resolve")
    reconcile(db, store, run)
    clock.lap("reconcile")
    with around_publish():
        clock.lap("pause")
        publish(db, run, execution)
        clock.lap("publish")
    del clock.laps["pause"]
    output = report(db, store, settings, run)
    clock.lap("report")
    db.close()
    return clock.laps, output


def _settle_all(_: Connection, pool: ProcessPoolExecutor, run: str, waves: list[list[str]]) -> None:
    for wave in waves:
        list(pool.map(_settle, [run] * len(wave), wave))


def _items(store: FolderStore, place: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(store.written[place["key"]])
    return items


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now


def peak_memory(pool: ProcessPoolExecutor) -> int:
    """The largest worker's peak memory in KiB."""
    return max(pool.map(_memory, range(WORKERS * 4)))


@dataclass(frozen=True)
class Round:
    """One migration: its cost, seconds by step, the output's tables, and the peak memory of a worker in KiB."""

    cost: Cost
    steps: dict[str, float]
    tables: tuple[MigratedTable, ...]
    memory: int


def migrate_once(
    server: Server, database: str, folder: Path, *, rule: str = "reject", versioned: bool = False
) -> Round:
    """Migrate into the database. ``versioned``: the files have versions, so that they may be known."""
    found: list[tuple[dict[str, float], MigrationOutput]] = []
    store = FolderStore(folder, PREFIX, versioned=versioned)
    with workers(server, database, folder) as pool:
        cost = cost_of(
            server, lambda: found.append(migrate(server, database, folder, pool, 0, rule, store=store))
        )
        [(steps, output)] = found
        return Round(cost, steps, output.tables, peak_memory(pool))


def show_rounds(rounds: Sequence[Round]) -> None:
    """Print the medians of the steps, and the peak memory."""
    names = rounds[0].steps
    parts = [f"{name} {statistics.median(one.steps[name] for one in rounds):.2f}" for name in names]
    print(f"  {', '.join(parts)}")
    print(f"  peak memory of a worker {max(one.memory for one in rounds) / 1024:.0f} MiB")
