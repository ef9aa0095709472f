"""The restore in process: all steps, files and tables on two worker processes."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.backups.disk_store import DiskStore
from bench.processors import NOTHING, Cost, cost_of
from bench.server import Server
from dataforge.backups.manifest import Reference
from dataforge.backups.signatures import Signature
from dataforge.postgres.connection import connect
from dataforge.postgres.roles import REFILL, RESTORE
from dataforge.runs.results.restore import RestoreOutput
from dataforge.settings import DatabaseSettings, RestoreSettings
from functions.restore.begin import begin
from functions.restore.build import build, link
from functions.restore.check_backup import check_backup
from functions.restore.compare import check_restored, compare
from functions.restore.finish import finish, write_manifest
from functions.restore.load import FileItem, load_file
from functions.restore.safety_backup import PageRange, plan_safety_backup, save_pages
from functions.restore.swap import swap

WORKERS = 2
BACKUP, REPORT = "backup", "report"
NO_MAC = "A" * 43 + "="
"""In place of the HMAC, which KMS computes while the state machine waits. It is not measured."""
_worker: dict[str, Any] = {}
_numbers = itertools.count(1)


def _open(folder: Path, password: str, work: DatabaseSettings, control: DatabaseSettings) -> None:
    # On its first use pyarrow imports pandas if it is installed, as it is here but not in the functions' layers.
    pa.array([1]).to_numpy(zero_copy_only=False)
    _worker.update(store=DiskStore(folder), work=connect(work, password), control=connect(control, password))


def _load(item: dict[str, Any]) -> None:
    load_file(_worker["work"], _worker["store"], FileItem.model_validate(item))


def _keep(item: dict[str, Any]) -> None:
    save_pages(_worker["work"], _worker["store"], PageRange.model_validate(item))


def _settle(run: str, table: str) -> None:
    check_restored(_worker["control"], run, table)


def _build(run: str, table: str) -> None:
    build(_worker["control"], run, table)


def _link(run: str, table: str) -> None:
    link(_worker["control"], run, table)


def _ready(_: int) -> None:
    time.sleep(0.05)


@contextmanager
def workers(server: Server, database: str, folder: Path) -> Iterator[ProcessPoolExecutor]:
    """Two warm processes, as two warm Lambda functions."""
    settings = server.settings(database, REFILL), server.settings(database, RESTORE)
    with ProcessPoolExecutor(
        WORKERS, get_context("spawn"), _open, (folder, server.password, *settings)
    ) as pool:
        list(pool.map(_ready, range(WORKERS * 4)))
        yield pool


@dataclass
class Restoring:
    """A measured restore: its costs by step. ``safety`` is the work after the tables are restored."""

    server: Server
    database: str
    folder: Path
    pool: ProcessPoolExecutor
    laps: dict[str, Cost] = field(default_factory=dict)

    def run(self, **document: Any) -> RestoreOutput:
        """All steps; returns the output."""
        store = DiskStore(self.folder)
        base = self.server.settings(self.database, RESTORE).model_dump()
        settings = RestoreSettings(**base, backup_bucket=BACKUP, report_bucket=REPORT)
        db = self.server.connect(self.database, RESTORE)
        execution = f"arn:aws:states:local:0:execution:restore:{next(_numbers)}"
        begun = self._lap(
            "check", lambda: begin(db, store, settings, execution, "2026-01-01T00:00:00Z", document)
        )
        run = begun["restore_id"]
        verified = Reference.of(begun["signature"])
        checked = self._lap("check", lambda: check_backup(db, store, settings, run, verified))
        items = self._items(store, checked)
        self._lap("load", lambda: list(self.pool.map(_load, items)))
        tables = checked["tables"]
        self._lap("check_restored", lambda: list(self.pool.map(_settle, [run] * len(tables), tables)))
        if self._lap("compare", lambda: compare(db, settings, run))["next"] == "build":
            for step in (_build, _link):
                self._lap(
                    step.__name__[1:],
                    lambda step=step: list(self.pool.map(step, [run] * len(tables), tables)),
                )
        self._lap("swap", lambda: swap(db, run, execution))
        parts = self._lap("safety", lambda: self._items(store, plan_safety_backup(db, store, settings, run)))
        self._lap("safety", lambda: list(self.pool.map(_keep, parts)))
        made = self._lap("safety", lambda: write_manifest(db, store, settings, run))
        signature = Signature.of(made, NO_MAC)
        output: RestoreOutput = self._lap("safety", lambda: finish(db, store, settings, run, signature))
        db.close()
        return output

    @property
    def cost(self) -> Cost:
        """The cost until the tables were restored."""
        return sum((cost for step, cost in self.laps.items() if step != "safety"), NOTHING)

    def _lap(self, step: str, work: Callable[[], Any]) -> Any:
        results: list[Any] = []
        cost = cost_of(self.server, lambda: results.append(work()))
        self.laps[step] = self.laps.get(step, NOTHING) + cost
        return results[0]

    @staticmethod
    def _items(store: DiskStore, place: dict[str, Any]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads((store.folder / REPORT / place["key"]).read_bytes())
        return items
