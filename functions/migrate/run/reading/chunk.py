"""Read and validate the records of a chunk. The load stores the result; reconciliation compares it with the shadow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dataforge.bulk.blocks import Rejected, TableBatcher
from dataforge.files.names import is_parquet
from dataforge.formats import json_boundaries
from dataforge.formats.csv_blocks import Block, blocks, with_folder_values
from dataforge.formats.csv_objects import object_records
from dataforge.formats.csv_records import read_record
from dataforge.formats.csv_stream import BufferedRecords, raw_records, whole_size_of
from dataforge.records.rejections import Located
from dataforge.tables.catalogue import Dataset, Source, Table
from functions.migrate.run.reading.dialect import read_dialect
from functions.migrate.run.reading.json_lines import read_json_lines
from functions.migrate.run.reading.parquet import read_parquet
from functions.migrate.run.reading.replayed import replayed_records
from functions.migrate.run.reading.validated_records import (
    BatcherOf,
    Record,
    ValidatedRecords,
    validate_each,
)
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


_BLOCK_BYTES = 2 * 2**20


class TextHash:
    """The SHA-256 of a chunk's text; None until its end is read, and for a format that is not read in parallel."""

    value: str | None = None

    def of(self, records: Iterable[BufferedRecords]) -> Iterator[BufferedRecords]:
        """The same records, whose bytes are hashed."""
        digest = hashlib.sha256()
        for some in records:
            digest.update(some.data)
            yield some
        self.value = digest.hexdigest()


def read_chunk(
    cursor: Cursor,
    s3: S3Client,
    item: LoadItem,
    dataset: Dataset,
    batcher: BatcherOf = TableBatcher,
    text_hash: TextHash | None = None,
) -> Iterator[ValidatedRecords]:
    """The chunk's records for the item's tables, some at a time. ``batcher`` makes what takes a table's valid rows.

    Raises ``SourceChanged``, ``DamagedFile`` or ``RecordTooLong``.
    """
    tables = {name: dataset.table(name) for name in item.tables}
    sources = {source.file: source for source in dataset.sources}
    if item.replay:
        yield from validate_each(tables, replayed_records(cursor, item, sources), batcher)
        return
    if is_parquet(item.key):
        yield from read_parquet(s3, item, sources[item.source], tables, batcher)
        return
    source = sources[item.source]
    json_lines, dialect = source.is_json_lines(item.key), item.dialect(source)
    if not (json_lines or dialect.is_parallel):
        yield from read_dialect(s3, item, source, tables, batcher)
        return
    whole_size = json_boundaries.whole_size if json_lines else whole_size_of(dialect)
    texts = object_records(s3, item.object, item.start, item.end, item.line, whole_size)
    texts = text_hash.of(texts) if text_hash else texts
    if json_lines:
        yield from read_json_lines(item, texts, source, tables, batcher)
        return
    for records in texts:
        yield from _read_csv(item, records, source, tables, batcher)


def _read_csv(
    item: LoadItem, records: BufferedRecords, source: Source, tables: dict[str, Table], batcher: BatcherOf
) -> Iterator[ValidatedRecords]:
    # A batcher remembers the rows of a keyless table. The buffer bounds its memory; the resolve step finds other duplicates.
    batchers = {name: batcher(table) for name, table in tables.items()}
    position = item.base + records.start
    columns = (item.header, position, _BLOCK_BYTES, item.folder_values, source.names, source.dialect)
    lines = _Lines(records)
    for block in blocks(records.data, *columns):
        if source.split is not None:
            first = lines.at(block.position - position)
            yield from validate_each(tables, _flat_records(item, block, first, source), batcher)
            continue
        for taker in batchers.values():
            batch = taker.batch(block)
            located = list(_located(item, block, records, lines, batch.rejected))
            yield ValidatedRecords(taker.table, batch, located)


class _Lines:
    """The lines of a buffer, counted from the last position on: most blocks have no rejected record."""

    def __init__(self, records: BufferedRecords) -> None:
        self._records = records
        self._reached, self._line = 0, records.line

    def at(self, offset: int) -> int:
        """The line in the file of the byte at this offset of the buffer."""
        if offset < self._reached:
            self._reached, self._line = 0, self._records.line
        self._line += self._records.data.count(b"\n", self._reached, offset)
        self._reached = offset
        return self._line


def _flat_records(item: LoadItem, block: Block, line: int, source: Source) -> Iterator[Record]:
    """The records of a flat file, of which the first is in this line. A malformed one counts for the first of the tables."""
    start = block.position - item.base
    for record in raw_records(block.data, line, block.dialect):
        raw = block.dialect.to_utf8(record.raw)
        location = Located(
            item.migration_id, item.key, record.line, start + record.offset, raw, [], length=len(record.raw)
        )
        fields = read_record(block.header, record.raw, record.malformed, block.names, block.dialect)
        fields = with_folder_values(fields, block.folder_values)
        yield Record(block.position + record.offset, location, item.tables[0], source, fields)


def _located(
    item: LoadItem, block: Block, records: BufferedRecords, lines: _Lines, rejected: Iterable[Rejected]
) -> Iterator[Located]:
    """The rejected records, which come in any order, with their line and offset in the file."""
    start = block.position - item.base
    for record in sorted(rejected, key=lambda r: r.offset):
        offset = start + record.offset
        line = lines.at(offset - records.start)
        raw = block.dialect.to_utf8(record.raw)
        yield Located(
            item.migration_id, item.key, line, offset, raw, record.violations, None, len(record.raw)
        )
