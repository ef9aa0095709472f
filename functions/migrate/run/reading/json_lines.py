"""Read the records of JSON Lines, and validate them one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dataforge.formats.csv_blocks import with_folder_values
from dataforge.formats.csv_objects import object_records
from dataforge.formats.csv_stream import BufferedRecords
from dataforge.formats.json_boundaries import line_blocks, raw_lines, whole_size
from dataforge.formats.json_lines import read_line
from dataforge.records.rejections import Located
from dataforge.tables.catalogue import Source, Table
from functions.migrate.run.reading.validated_records import Record, ValidatedRecords, validate_each
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BLOCK_BYTES = 2 * 2**20


def read_json_lines(
    s3: S3Client, item: LoadItem, source: Source, tables: Mapping[str, Table]
) -> Iterator[ValidatedRecords]:
    """The chunk's records, some at a time. Raises ``SourceChanged``, ``DamagedFile`` or ``RecordTooLong``."""
    for records in object_records(s3, item.object, item.start, item.end, item.line, whole_size):
        for block in line_blocks(records, _BLOCK_BYTES):
            yield from validate_each(tables, _records(item, source, block))


def _records(item: LoadItem, source: Source, block: BufferedRecords) -> Iterator[Record]:
    for line in raw_lines(block):
        fields = with_folder_values(read_line(line.raw, source.names, item.header), item.folder_values)
        location = Located(item.migration_id, item.key, line.line, line.offset, line.raw, [])
        yield Record(item.base + line.offset, location, item.tables[0], source, fields)
