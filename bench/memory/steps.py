"""Runs of the functions, each step in a separate process, and the peak memory of each step."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from bench.backups.restore_in_process import NO_MAC
from bench.memory.files import TABLES
from bench.memory.worker import Answer, Call
from bench.server import Server
from dataforge.defaults import BACKUP_PART_MEGABYTES
from dataforge.postgres.roles import BACKUP, EXPORT, LOAD, MIGRATE, REFILL, RESTORE
from dataforge.runs.lifecycle import close_run
from functions.backup.export_snapshot import export_snapshot
from functions.backup.run import BACKUPS
from local.config import ROOT

RAW, REPORTS, BACKUPS_BUCKET = "raw", "reports", "backups"
_STARTED = "2026-01-01T00:00:00Z"
_NEVER = 2**60
_numbers = itertools.count(1)


@dataclass
class Measured:
    """The functions on one database and one folder in place of S3. ``peaks``: the MiB of each step.

    ``part_bytes``: the pages in one file of a backup, which a restore has in memory whole.
    """

    server: Server
    database: str
    folder: Path
    part_bytes: int = BACKUP_PART_MEGABYTES * 2**20
    peaks: dict[str, int] = field(default_factory=dict)
    idle: int = 0

    def migrate(self, prefix: str) -> None:
        """Migrate the two tables from the objects below ``prefix``."""
        document = {"prefix": prefix, "tables": list(TABLES), "quality_threshold": 0}
        execution = _execution("migration")
        run = self._step("migrate", "begin", execution=execution, started=_STARTED, input=document)
        event = {"run_id": run["migration_id"], "execution": execution}
        planned = self._step("migrate", "plan", **event)
        self._items("migrate", "scan", LOAD, self._read(planned["scan"]))
        self._items("migrate", "load", LOAD, self._read(self._step("migrate", "cut", **event)))
        for table in itertools.chain(*planned["waves"]):
            self._step("migrate", "settle", table=table, **event)
        for step in ("reconcile", "publish", "report"):
            self._step("migrate", step, **event)

    def export(self) -> None:
        """Export the larger table in each format."""
        for form in ("parquet", "ndjson"):
            item = {"step": "export", "id": f"e{next(_numbers)}", "table": "orders", "format": form}
            self._items("export", f"export {form}", EXPORT, [item])

    def back_up(self) -> None:
        """Back up the tables, and verify the files."""
        execution = _execution("backup")
        document = {"tables": list(TABLES), "verify": True}
        run = self._step("backup", "begin", execution=execution, started=_STARTED, input=document)["run_id"]
        with (
            closing(self.server.connect(self.database, BACKUP)) as watcher,
            closing(self.server.connect(self.database, BACKUP)) as exporter,
        ):
            holding = Thread(target=export_snapshot, args=(watcher, exporter, run, 3600))
            holding.start()
            self._items("backup", "part", BACKUP, self._read(self._step("backup", "plan", run_id=run)))
            self._step("backup", "finish", run_id=run)
            holding.join()
        self._step("backup", "sign", run_id=run, mac=NO_MAC)
        self._items("backup", "check", BACKUP, self._read(self._step("backup", "plan_checks", run_id=run)))
        with closing(self.server.connect(self.database, BACKUP)) as db:
            close_run(db, BACKUPS, execution, "done")

    def restore(self) -> None:
        """Restore the larger table from the newest backup, and save the replaced one."""
        execution = _execution("restore")
        event = {"execution": execution, "started": _STARTED, "input": {"table": "orders"}}
        begun = self._step("restore", "begin", **event)
        event = {"run_id": begun["restore_id"], "execution": execution, "table": "orders"}
        checked = self._step("restore", "check", signature=begun["signature"], **event)
        self._items("restore", "load", REFILL, self._read(checked))
        self._step("restore", "settle", **event)
        if self._step("restore", "compare", **event)["next"] == "build":
            self._step("restore", "build", **event)
            self._step("restore", "link", **event)
        self._step("restore", "switch", **event)
        self._items("restore", "keep", REFILL, self._read(self._step("restore", "keep", **event)))
        self._step("restore", "manifest", **event)

    def _read(self, place: dict[str, Any]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads((self.folder / REPORTS / place["key"]).read_bytes())
        return items

    def _step(self, function: str, step: str, **event: Any) -> Any:
        roles = {"migrate": MIGRATE, "backup": BACKUP, "restore": RESTORE}
        name = f"{function}: {step}"
        return self._call(name, function, roles[function], event={"step": step, **event})

    def _items(self, function: str, step: str, role: str, items: Sequence[dict[str, Any]]) -> None:
        self._call(f"{function}: {step} (work items)", function, role, items=items)

    def _call(self, name: str, function: str, role: str, **call: Any) -> Any:
        settings = self.server.settings(self.database, role).model_dump()
        settings |= {"raw_bucket": RAW, "report_bucket": REPORTS, "backup_bucket": BACKUPS_BUCKET}
        # The functions themselves send all statements and wait for them.
        settings |= {"unattended_bytes": _NEVER, "part_bytes": self.part_bytes}
        request = Call(
            function=function, settings=settings, password=self.server.password, folder=self.folder, **call
        )
        done = subprocess.run(
            [sys.executable, "-m", "bench.memory.worker"],
            input=request.model_dump_json(),
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        # The lines before it are the audit's.
        answer = Answer.model_validate_json(done.stdout.splitlines()[-1])
        self.peaks[name] = max(answer.peak, self.peaks.get(name, 0))
        self.idle = max(answer.idle, self.idle)
        return answer.result


def _execution(kind: str) -> str:
    return f"arn:aws:states:local:0:execution:{kind}:memory-{next(_numbers)}"
