"""Profile a file or a part of one: figures of its columns, and all its texts, in a file that fills a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from discovery.folders.reading import member_batches
from discovery.profiling.samples import Collector, Figures

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from discovery.folders.grouping import FoundFile
    from functions.migrate.scan.chunks import Chunk


@dataclass(frozen=True)
class Profiled:
    """A file that was read: its ``rows`` that can be read, and the figures of its columns.

    ``texts``: a file of Arrow with the columns c0, c1, ...
    """

    rows: int
    columns: tuple[Figures, ...]
    texts: Path


def profile_file(
    s3: S3Client, member: FoundFile, header: Sequence[str], folder: Path, number: int, part: Chunk | None
) -> Profiled:
    """Read a file, or a ``part`` of it, and write its texts into ``folder``. ``header``: the columns of its table."""
    return profile_batches(member_batches(s3, member, header, part), len(header), folder, number)


def profile_batches(batches: Iterable[pa.RecordBatch], width: int, folder: Path, number: int) -> Profiled:
    """Profile ``width`` columns of strings. ``number``: of the written file."""
    names = [f"c{place}" for place in range(width)]
    collectors = [Collector() for _ in names]
    path, rows = folder / f"{number}.texts", 0
    with pa.ipc.new_file(path, pa.schema([(name, pa.string()) for name in names])) as texts:
        for batch in batches:
            rows += batch.num_rows
            for collector, column in zip(collectors, batch.columns, strict=True):
                collector.add(column)
            texts.write_table(pa.table(batch.columns, names))
    pa.default_memory_pool().release_unused()
    return Profiled(rows, tuple(collector.figures for collector in collectors), path)
