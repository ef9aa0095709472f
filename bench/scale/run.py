"""Run a migration step by step in this process, and measure the processor time of its steps."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from bench.folder_store import FolderStore
from bench.migration.in_process import PREFIX
from bench.server import Server
from dataforge.postgres.roles import LOAD, MIGRATE
from dataforge.settings import MigrationSettings
from dataforge.tables.datasets import get_dataset
from functions.migrate.lifecycle.begin import begin
from functions.migrate.load.load import load_chunk
from functions.migrate.plan.plan import plan
from functions.migrate.publish.publish import publish
from functions.migrate.reconcile.reconcile import reconcile
from functions.migrate.resolve.resolve import resolve
from functions.migrate.run.work_items import LoadItem, ScanItem
from functions.migrate.scan.cut import cut
from functions.migrate.scan.scan import scan_range

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


_numbers = itertools.count(1)
Spent = tuple[float, float]
"""Processor seconds of this process, and of a backend."""


class Backend:
    """A connection with its server process."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        self.process = psutil.Process(db.get_backend_pid())

    def spent(self, work: Callable[[], object]) -> Spent:
        """Processor seconds of this process and of the backend."""
        ours, theirs = time.process_time(), self._time()
        work()
        return time.process_time() - ours, self._time() - theirs

    def _time(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


class Run:
    """A migration of the folder's files, or of the input ``document``, in an existing database."""

    def __init__(self, running: Server, database: str, folder: Path, document: dict[str, Any]) -> None:
        self._store = FolderStore(folder, PREFIX)
        base = running.settings(database, MIGRATE).model_dump()
        self._settings = MigrationSettings(**base, raw_bucket="raw", report_bucket="reports")
        self.control, self.worker = (Backend(running.connect(database, role)) for role in (MIGRATE, LOAD))
        self._execution = f"arn:scale:{next(_numbers)}"
        started = "2026-01-01T00:00:00Z"
        self.id = begin(self.control.db, self._execution, started, document)["migration_id"]
        self.loads: list[dict[str, Any]] = []

    def plan(self) -> Spent:
        """Plan it: the ranges to scan. The order of the tables is that of a run of large tables."""
        return self.control.spent(self._plan)

    def _plan(self) -> None:
        planned = plan(self.control.db, self._store, self._settings, self.id)
        self.waves = get_dataset("olist").waves()
        self.scans = [ScanItem.model_validate(item) for item in self._items(planned["scan"])]

    def scan(self) -> Spent:
        """Scan every range."""
        work = partial(scan_range, self.worker.db, self._store)
        return self.worker.spent(lambda: [work(item) for item in self.scans])

    def load(self) -> Spent:
        """Load every chunk."""
        self.loads = self._items(cut(self.control.db, self._store, self._settings, self.id))
        items = [LoadItem.model_validate(item) for item in self.loads]
        return self.worker.spent(
            lambda: [load_chunk(self.worker.db, self._store, self._settings, item) for item in items]
        )

    def settle(self, tables: Iterable[str]) -> list[float]:
        """Resolve tables; the seconds of each, on both sides."""
        work = partial(resolve, self.control.db, self._store, self._settings, self.id)
        return [sum(self.control.spent(partial(work, table))) for table in tables]

    def publish(self) -> float:
        """Make it visible; the seconds on both sides."""
        reconcile(self.control.db, self._store, self.id)
        return sum(self.control.spent(partial(publish, self.control.db, self.id, self._execution)))

    def close(self) -> None:
        """Close the connections."""
        self.control.db.close()
        self.worker.db.close()

    def _items(self, place: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._store.written[place["key"]])
        return found
