"""Profile one file: figures of its columns, and a hash of each text, in a file from which a database is filled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from discovery.profiling.samples import Collector, Figures
from discovery.reading import member_batches

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from discovery.grouping import FoundFile


@dataclass(frozen=True)
class Profiled:
    """A file that was read: its ``rows`` that can be read, and the figures of its columns.

    ``hashes``: a stream of Arrow with a 64-bit number for each text, null for a missing text. ``texts``: a file of Arrow.
    Both have the columns c0, c1, ...
    """

    rows: int
    columns: tuple[Figures, ...]
    hashes: Path
    texts: Path


def profile_file(
    s3: S3Client, member: FoundFile, header: Sequence[str], folder: Path, number: int
) -> Profiled:
    """Read a file and write its texts and their hashes into ``folder``. ``header``: the columns of its table."""
    return profile_batches(member_batches(s3, member, header), len(header), folder, number)


def profile_batches(batches: Iterable[pa.RecordBatch], width: int, folder: Path, number: int) -> Profiled:
    """Profile ``width`` columns of strings. ``number``: of the written files."""
    names = [f"c{place}" for place in range(width)]
    collectors = [Collector() for _ in names]
    found = folder / f"{number}.hashes", folder / f"{number}.texts"
    rows = 0
    with (
        _database().cursor() as db,
        pa.ipc.new_stream(found[0], pa.schema([(name, pa.uint64()) for name in names])) as hashes,
        pa.ipc.new_file(found[1], pa.schema([(name, pa.string()) for name in names])) as texts,
    ):
        for batch in batches:
            rows += batch.num_rows
            for collector, column in zip(collectors, batch.columns, strict=True):
                collector.add(column)
            read = pa.table(batch.columns, names)
            texts.write_table(read)
            hashes.write_table(_hashes(db, read))
    pa.default_memory_pool().release_unused()
    return Profiled(rows, tuple(collector.figures for collector in collectors), *found)


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """A database for the function hash(). Opening one for each file would take longer than to read a small one."""
    return duckdb.connect(config={"threads": 1})


def _hashes(db: duckdb.DuckDBPyConnection, texts: pa.Table) -> pa.Table:
    numbers = (f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END AS {name}" for name in texts.column_names)
    db.register("texts", texts)
    return db.sql(f"SELECT {', '.join(numbers)} FROM texts").to_arrow_table()
