"""A worker's memory does not grow with the file, measured in a separate process."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from functions.migrate.run.work_items import LoadItem
from local.config import ROOT

pytestmark = pytest.mark.slow

LIMIT_MB = 300
HEADER = ("customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state")
WORKER = """
import io, json, resource, sys
from functions.migrate.run.work_items import LoadItem
from functions.migrate.load.load import load_chunk
from dataforge.settings import RejectionLimits

limits = RejectionLimits(report_bucket="report")

class Nowhere:
    status, closed = 0, 0
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def cursor(self): return self
    def execute(self, statement, values=None): self.counted = "count" in statement
    def fetchone(self): return (10**9 if self.counted else None,)
    def copy_expert(self, statement, file):
        while file.read(1 << 16): pass
    def commit(self): pass
    def rollback(self): pass

class Folder:
    def get_object(self, Bucket, Key, IfMatch, Range=""):
        file = open(f"{Bucket}/{Key}", "rb")
        if not Range:
            return {"Body": file}
        start, end = map(int, Range.removeprefix("bytes=").split("-"))
        file.seek(start)
        return {"Body": io.BytesIO(file.read(end - start + 1))}

for item in map(json.loads, sys.stdin):
    for table, tally in load_chunk(Nowhere(), Folder(), limits, LoadItem(**item)).items():
        print(tally.read)
# A child inherits ru_maxrss from its parent; its own peak is in /proc/self/status.
try:
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(int(status["VmHWM"].split()[0]) // 1024)
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def write(folder: Path, megabytes: int, packed: bool) -> tuple[str, int]:
    """Write a file of this size in which one row in a hundred is invalid; return its name and number of rows."""
    name = f"customers-{megabytes}.csv" + (".gz" if packed else "")
    row = "{0:032x},{0:032x},01037,s\u00e3o paulo,SP\n"
    rows = [row.format(n) if n % 100 else "bad,,,,\n" for n in range(10_000)]
    block = "".join(rows).encode()
    times = megabytes * 2**20 // len(block) + 1
    with gzip.open(folder / name, "wb", 1) if packed else (folder / name).open("wb") as file:
        file.write(",".join(HEADER).encode() + b"\n")
        for _ in range(times):
            file.write(block)
    return name, times * len(rows)


def peak(folder: Path, megabytes: int, packed: bool) -> int:
    """The peak memory of a worker in megabytes while it loads all chunks of such a file."""
    name, rows = write(folder, megabytes, packed)
    size, start = (folder / name).stat().st_size, len(",".join(HEADER)) + 1
    common = {"step": "load", "migration_id": "m", "dataset": "olist", "file_number": 0, "header": HEADER}
    common |= {"source": "olist_customers_dataset.csv", "tables": ["customers"], "progress": "p/", "line": 2}
    common |= {"bucket": str(folder), "key": name, "etag": "", "size": size}
    cuts = [start, size] if packed else [*range_ends(folder / name, start, size)]
    items = [common | {"chunk": n, "start": a, "end": b} for n, (a, b) in enumerate(itertools.pairwise(cuts))]
    for item in items:
        LoadItem.model_validate(item)
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers/common/python")])
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input="".join(json.dumps(item) + "\n" for item in items),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    *read, memory = map(int, done.stdout.split())
    assert sum(read) == rows
    (folder / name).unlink()
    return memory


def range_ends(path: Path, start: int, size: int) -> list[int]:
    """Borders of chunks of about 16 MiB, at line ends."""
    borders = [start]
    with path.open("rb") as file:
        while size - borders[-1] > 24 << 20:
            file.seek(borders[-1] + (16 << 20))
            file.readline()
            borders.append(file.tell())
    return [*borders, size]


@pytest.mark.parametrize("packed", [False, True])
def test_worker_memory_does_not_grow_with_chunk(tmp_path: Path, packed: bool) -> None:
    small, large = peak(tmp_path, 20, packed), peak(tmp_path, 52, packed)
    assert small <= LIMIT_MB
    assert large <= LIMIT_MB
    assert large <= small * 1.2
