"""A chunk's records as parts: what came out of some of them for one table. The load keeps them, reconciliation compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dataforge.bulk.blocks import Rejected, TableBatcher
from dataforge.files.names import is_parquet
from dataforge.formats.csv_blocks import Block, blocks, with_folder_values
from dataforge.formats.csv_objects import windows
from dataforge.formats.csv_records import read_record
from dataforge.formats.csv_stream import Window, raw_records
from dataforge.records.rejections import Located
from dataforge.tables.catalogue import Dataset, Source, Table
from functions.migrate.run.reading.parquet import parquet_parts
from functions.migrate.run.reading.replayed import replayed_records
from functions.migrate.run.reading.validated_records import Part, Record, judge_each
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


_BLOCK_BYTES = 2 * 2**20


def parts(cursor: Cursor, s3: S3Client, item: LoadItem, dataset: Dataset) -> Iterator[Part]:
    """The chunk's parts, for the item's tables. Raises what reading raises."""
    tables = {name: dataset.table(name) for name in item.tables}
    sources = {source.file: source for source in dataset.sources}
    if item.replay:
        yield from judge_each(tables, replayed_records(cursor, item, sources))
        return
    if is_parquet(item.key):
        yield from parquet_parts(s3, item, sources[item.source], tables)
        return
    for window in windows(s3, item.object, item.start, item.end, item.line):
        yield from _csv_parts(item, window, sources[item.source], tables)


def _csv_parts(item: LoadItem, window: Window, source: Source, tables: dict[str, Table]) -> Iterator[Part]:
    # What a batcher remembers of a keyless table's rows is bounded by the window; settling finds the other duplicates.
    batchers = {name: TableBatcher(table) for name, table in tables.items()}
    values = item.folder_values
    for block in blocks(window.data, item.header, item.base + window.start, _BLOCK_BYTES, values):
        if source.split is not None:
            yield from judge_each(tables, _flat_records(item, block, window, source))
            continue
        for batcher in batchers.values():
            batch = batcher.batch(block)
            yield Part(batcher.table, batch, list(_located(item, block, window, batch.rejected)))


def _flat_records(item: LoadItem, block: Block, window: Window, source: Source) -> Iterator[Record]:
    """A flat file's records; one that is malformed counts for the first of the tables."""
    start = block.position - item.base
    for record in raw_records(block.data, _line(block, item, window)):
        place = Located(item.migration_id, item.key, record.line, start + record.offset, record.raw, [])
        fields = read_record(block.header, record.raw, record.malformed)
        fields = with_folder_values(fields, block.folder_values)
        yield Record(block.position + record.offset, place, item.tables[0], source, fields)


def _located(item: LoadItem, block: Block, window: Window, rejected: Iterable[Rejected]) -> Iterator[Located]:
    """The rejections with their place in the file; they come in no particular order."""
    start = block.position - item.base
    offset, line = 0, _line(block, item, window)
    for one in sorted(rejected, key=lambda r: r.offset):
        line += block.data.count(b"\n", offset, one.offset)
        offset = one.offset
        yield Located(item.migration_id, item.key, line, start + offset, one.raw, one.violations)


def _line(block: Block, item: LoadItem, window: Window) -> int:
    """The line of the block's first record."""
    return window.line + window.data.count(b"\n", 0, block.position - item.base - window.start)
