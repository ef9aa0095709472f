"""Match the files of a folder to tables, and cut large ones into ranges, as the steps plan and scan do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from dataforge.defaults import CHUNK_MEGABYTES
from dataforge.files.sources import Taken
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Dataset
from discovery.folders.chunks import scanned_chunks
from functions.migrate.plan.layout import Layout, read_layout
from functions.migrate.plan.register import scan_items
from functions.migrate.plan.source import match_files
from functions.migrate.run.migration import SWAP, Run
from functions.migrate.run.work_items import LoadItem, load_item
from functions.migrate.scan.chunks import Chunk

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RANGE_BYTES = CHUNK_MEGABYTES << 20
"""The size of the ranges in which a large file is read, as in a migration."""


@dataclass(frozen=True)
class Plan:
    """The work items of a folder, in file order, and the files that are ignored with the reasons."""

    items: tuple[LoadItem, ...]
    ignored: dict[str, str]

    @property
    def files(self) -> dict[str, int]:
        """The files that are read, with their sizes."""
        return {item.key: item.size for item in self.items}

    @property
    def sizes(self) -> list[int]:
        """The share of each item in the size of its file."""
        return [item.size // self._parts[item.key] for item in self.items]

    @cached_property
    def _parts(self) -> Counter[str]:
        return Counter(item.key for item in self.items)


def plan(
    s3: S3Client,
    dataset: Dataset,
    objects: Sequence[Object],
    tables: Sequence[str],
    ignore: Sequence[str],
    range_bytes: int = RANGE_BYTES,
) -> Plan:
    """Match the files to the tables as a migration does. Raises its errors."""
    chosen = tuple(dataset.table(name) for name in tables)
    run = Run("check", "", dataset, "", chosen, Decimal(0), SWAP, "", "reject", None, tuple(ignore))
    found = match_files(s3, run, objects, "")
    items: list[LoadItem] = []
    for number, (taken, file) in enumerate(found.taken):
        layout = read_layout(s3, taken, file, range_bytes)
        for chunk in _chunks(s3, run, file, layout):
            items.append(_item(run, number, len(items), taken, file, layout, chunk))
    return Plan(tuple(items), dict(found.ignored))


def _chunks(s3: S3Client, run: Run, file: Object, layout: Layout) -> Iterator[Chunk]:
    if layout.scanned:
        yield from scanned_chunks(s3, scan_items(run, 0, file, layout), layout.ranges[0].line, layout.end)
        return
    for number, (start, end, line) in enumerate(layout.ranges):
        yield Chunk(number, start, end, line or 1)


def _item(
    run: Run, file_number: int, number: int, taken: Taken, file: Object, layout: Layout, chunk: Chunk
) -> LoadItem:
    columns = {
        "chunk": number,
        "bucket": file.bucket,
        "key": file.key,
        "etag": file.etag,
        "size": file.size,
        "start": chunk.start,
        "end": chunk.end,
        "compression": layout.compression,
        "archive": file.archive,
        "file_number": file_number,
        "source": taken.source.file,
        "header": layout.header,
        "line": chunk.line,
        "folder_values": dict(layout.folder_values) or None,
        "record_end": layout.record_end,
    }
    return load_item(run, taken.source.tables, columns)
