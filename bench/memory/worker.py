"""One process of a function: takes one step, or all work items of one, and prints the result and its memory.

The function's handler is imported and its S3 client is made, because both need memory; S3 itself is a folder. Pandas, which
pyarrow imports if it is installed, is hidden: the functions' layers lack it.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench.backups.disk_store import DiskStore
from dataforge.aws.clients import worker_s3
from dataforge.postgres.connection import connect
from dataforge.postgres.roles import MIGRATION_RUN, RESTORE_RUN
from dataforge.runs.steps import Step, StepEvent
from dataforge.settings import BackupSettings, ExportSettings, MigrationSettings, RestoreSettings, RunSettings
from dataforge.tables.datasets import get_dataset


class Call(BaseModel):
    """A step of a function; ``items``: its work items, which one process takes as a warm function would."""

    function: str
    event: dict[str, Any] = {}
    items: list[dict[str, Any]] | None = None
    settings: dict[str, Any]
    password: str
    folder: Path


class Answer(BaseModel):
    """The result of a control step, and the memory of the process in MiB: before the step, and at its peak."""

    result: Any = None
    idle: int
    peak: int


_SETTINGS: Mapping[str, type[RunSettings]] = {
    "migrate": MigrationSettings,
    "backup": BackupSettings,
    "restore": RestoreSettings,
    "export": ExportSettings,
}
_ROLES = {"migrate": MIGRATION_RUN, "restore": RESTORE_RUN}
_Work = Callable[[ModuleType, Any, Any, Any, dict[str, Any]], object]
_WORK: Mapping[tuple[str, str], _Work] = {
    ("migrate", "scan"): lambda f, db, s3, _, i: f.scan_range(db, s3, f.ScanItem.model_validate(i)),
    ("migrate", "load"): lambda f, db, s3, s, i: f.load_chunk(db, s3, s, f.LoadItem.model_validate(i)),
    ("backup", "part"): lambda f, db, s3, s, i: f.write_file(db, s3, s, f.PageRange.model_validate(i)),
    ("backup", "check"): lambda f, db, s3, s, i: f.check_file(db, s3, s, f.CheckItem.model_validate(i)),
    ("restore", "load"): lambda f, db, s3, _, i: f.load_file(db, s3, f.FileItem.model_validate(i)),
    ("restore", "keep"): lambda f, db, s3, _, i: f.save_pages(db, s3, f.PageRange.model_validate(i)),
    ("export", "export"): lambda f, db, s3, s, i: f.export(
        db, s3, s, i["id"], get_dataset("olist").table(i["table"]), i["format"]
    ),
}


def memory() -> int:
    """The peak memory of this process in MiB. ``ru_maxrss`` includes the parent's at the start of a child."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20


class _WithoutPandas(MetaPathFinder):
    """Hides pandas from imports."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def take(call: Call) -> Answer:
    """Take the step, or the work items."""
    handler = importlib.import_module(f"functions.{call.function}.handler")
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    worker_s3()
    settings, store = _SETTINGS[call.function](**call.settings), DiskStore(call.folder)
    with closing(connect(settings, call.password)) as db:
        idle = memory()
        result = None
        if call.items is None:
            event = StepEvent.read(call.event)
            result = handler.STEPS[event.step](Step(event, settings, db, store, _ROLES.get(call.function)))
        for item in call.items or []:
            _WORK[call.function, item["step"]](handler, db, store, settings, item)
    return Answer(result=result, idle=idle, peak=memory())


if __name__ == "__main__":
    sys.meta_path.insert(0, _WithoutPandas())
    print(take(Call.model_validate_json(sys.stdin.read())).model_dump_json())
