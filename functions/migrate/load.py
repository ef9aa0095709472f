"""The load: one chunk into the shadows, its rejections and its ledger entry, in one transaction."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import BaseModel

from dataforge import shadow
from dataforge.bulk.block import Batch, Block, Rejected, TableBatcher, blocks, read_record
from dataforge.catalogue import Source, Split, Table
from dataforge.csvfile import EMPTY_LINES, scan
from dataforge.database import Connection, transaction
from dataforge.datasets import get_dataset
from dataforge.objects import Object, read_range
from dataforge.rejections import Located, store
from dataforge.rows import process
from functions.migrate.steps import effort
from functions.migrate.windows import Window, windows

_BLOCK_BYTES = 4 * 2**20


class ScanItem(BaseModel):
    """One byte range to scan."""

    migration_id: str
    chunk: int
    bucket: str
    key: str
    etag: str
    size: int
    start: int
    end: int

    @property
    def object(self) -> Object:
        """The object, at the version that was planned."""
        return Object(self.bucket, self.key, self.etag, self.size)


class LoadItem(ScanItem):
    """One chunk to load: whole records, the first of them at ``line``."""

    dataset: str
    file_number: int
    source: str
    header: tuple[str, ...]
    tables: tuple[str, ...]
    line: int
    progress: str


@dataclass
class Tally:
    """What became of a chunk's records for one table, so far."""

    read: int = 0
    rows: int = 0
    deduplicated: int = 0
    rejected: int = 0
    hash_total: int = 0
    cleanings: dict[str, int] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.read += batch.read
        self.rows += batch.rows
        self.deduplicated += batch.deduplicated
        self.rejected += len(batch.rejected)
        self.hash_total = (self.hash_total + batch.hash_total) % 2**64
        for (column, name), times in batch.cleanings.items():
            what = f"{column}.{name}"
            self.cleanings[what] = self.cleanings.get(what, 0) + times


def scan_range(db: Connection, s3: Any, item: ScanItem) -> None:
    """Enter into the ledger what the range does to the reader's state. Repeating it is harmless."""
    started = time.perf_counter()
    passages, lines = scan(read_range(s3, item.object, item.start, item.end))
    result = {"passages": {state: asdict(passage) for state, passage in passages.items()}, "lines": lines}
    result |= effort(started)
    with transaction(db) as cursor:
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET scan = %s WHERE migration_id = %s AND chunk = %s",
            (json.dumps(result), item.migration_id, item.chunk),
        )


def load_chunk(db: Connection, s3: Any, item: LoadItem) -> dict[str, Tally]:
    """Load the chunk, unless the ledger says that it is loaded. Returns the tally per table.

    Rows, rejections and ledger entry commit together, and the entry's lock keeps a second worker out: exactly once.
    """
    started = time.perf_counter()
    dataset = get_dataset(item.dataset)
    source = next(s for s in dataset.sources if s.file == item.source)
    tables = {name: dataset.table(name) for name in item.tables}
    with transaction(db) as cursor:
        cursor.execute(
            "SELECT result FROM dataforge.migration_chunks WHERE migration_id = %s AND chunk = %s FOR UPDATE",
            (item.migration_id, item.chunk),
        )
        row = cursor.fetchone()
        if row is None or row[0] is not None:
            return {}
        tallies = _load(cursor, s3, item, source, tables)
        result = {name: asdict(tally) for name, tally in tallies.items()} | effort(started)
        cursor.execute(
            "UPDATE dataforge.migration_chunks SET result = %s, loaded_at = clock_timestamp()"
            " WHERE migration_id = %s AND chunk = %s",
            (json.dumps(result), item.migration_id, item.chunk),
        )
    return tallies


def _load(cursor: Any, s3: Any, item: LoadItem, source: Source, tables: dict[str, Table]) -> dict[str, Tally]:
    tallies = {name: Tally() for name in tables}
    for window in windows(s3, item.object, item.start, item.end, item.line):
        _load_window(cursor, item, window, source, tables, tallies)
    return tallies


def _load_window(
    cursor: Any,
    item: LoadItem,
    window: Window,
    source: Source,
    tables: dict[str, Table],
    tallies: dict[str, Tally],
) -> None:
    # What a batcher remembers of a keyless table's rows is bounded by the window; settling finds the other duplicates.
    batchers = {name: TableBatcher(table) for name, table in tables.items()}
    base = item.file_number << shadow.FILE_SHIFT
    for block in blocks(window.data, item.header, base + window.start, _BLOCK_BYTES):
        for name, batch in _batches(source, batchers, block).items():
            tallies[name].add(batch)
            if batch.lines:
                lines = io.BytesIO(b"".join(batch.lines))
                cursor.copy_expert(shadow.copy_sql(tables[name], item.migration_id), lines)
            if batch.rejected:
                store(cursor, tables[name], _located(item, block, base, window, batch.rejected))


def _batches(source: Source, batchers: dict[str, TableBatcher], block: Block) -> dict[str, Batch]:
    if source.split is None:
        return {name: batcher.batch(block) for name, batcher in batchers.items()}
    return split_block(source.split, batchers, block)


def split_block(split: Split, batchers: dict[str, TableBatcher], block: Block) -> dict[str, Batch]:
    """A flat file's block: each record becomes records of several tables.

    A record that is malformed is read, and rejected, once: for the first of the tables.
    """
    batches = {name: Batch() for name in batchers}
    malformed = set(block.records.malformed)
    for index, (start, end) in enumerate(
        zip(block.records.starts.tolist(), block.records.ends.tolist(), strict=True)
    ):
        raw = block.data[start:end]
        if raw in EMPTY_LINES:
            continue
        record = read_record(block.header, raw, index in malformed)
        if isinstance(record, list):
            first = next(iter(batches.values()))
            first.read += 1
            first.rejected.append(Rejected(start, raw, record))
            continue
        for name, data in split(record):
            if name in batchers:
                _take(batchers[name], batches[name], data, Rejected(start, raw, []), block.position)
    return batches


def _take(batcher: TableBatcher, batch: Batch, data: dict[str, str], place: Rejected, position: int) -> None:
    batch.read += 1
    verdict = process(batcher.table, data, batch.cleanings)
    if isinstance(verdict, list):
        batch.rejected.append(Rejected(place.offset, place.raw, verdict))
    else:
        batcher.add_row(batch, verdict, position + place.offset)


def _located(
    item: LoadItem, block: Block, base: int, window: Window, rejected: Iterable[Rejected]
) -> Iterator[Located]:
    """The rejections with their place in the file; they come in no particular order."""
    start = block.position - base
    offset, line = 0, window.line + window.data.count(b"\n", 0, start - window.start)
    for one in sorted(rejected, key=lambda r: r.offset):
        line += block.data.count(b"\n", offset, one.offset)
        offset = one.offset
        yield Located(item.migration_id, item.key, line, start + offset, one.raw, one.violations)
