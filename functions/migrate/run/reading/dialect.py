"""Read the records of a file in a declared dialect, from front to back, and validate them one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from dataforge.errors import RecordTooLong
from dataforge.formats import dialect_reader
from dataforge.formats.csv_blocks import with_folder_values
from dataforge.formats.csv_records import REPEATED_HEADER
from dataforge.formats.dialect import Csv, recoded
from dataforge.formats.dialect_reader import FURTHER_TABLE, fields_of, read_records
from dataforge.formats.text_stream import open_text
from dataforge.records.rejections import Located
from dataforge.records.violation import Violation
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Source, Table
from functions.migrate.run.reading.validated_records import (
    BatcherOf,
    Record,
    ValidatedRecords,
    validate_each,
)
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHARACTER_BYTES = 4
"""Bytes of a character in UTF-32."""
_AT_ONCE = 10_000
"""Records that are validated before they are stored."""


def read_dialect(
    s3: S3Client, item: LoadItem, source: Source, tables: Mapping[str, Table], batcher: BatcherOf
) -> Iterator[ValidatedRecords]:
    """The file's records, some at a time. Raises ``SourceChanged``, ``DamagedFile`` or ``RecordTooLong``."""
    records = _records(item, source, data_records(s3, item.object, item.dialect(source)))
    while some := list(islice(records, _AT_ONCE)):
        yield from validate_each(tables, some, batcher)


def data_records(s3: S3Client, file: Object, dialect: Csv) -> Iterator[dialect_reader.Record]:
    """The records behind the header."""
    with open_text(s3, file) as text:
        try:
            yield from islice(read_records(text.read, dialect), dialect.header, None)
        except dialect_reader.RecordTooLong as error:
            raise RecordTooLong(file.key, error.line, dialect_reader.LONGEST_RECORD) from None


def locate_in_dialect(
    s3: S3Client,
    migration_id: str,
    file: Object,
    dialect: Csv,
    rejected: Iterable[tuple[int, list[Violation]]],
) -> Iterator[Located]:
    """The records at these offsets, which ascend, with their violations."""
    records = data_records(s3, file, dialect)
    current: dialect_reader.Record | None = None
    for offset, violations in rejected:
        while current is None or current.offset < offset:
            current = next(records)
        yield Located(
            migration_id,
            file.key,
            current.line,
            current.offset,
            recoded(current.raw, current.codec),
            violations,
        )


def _records(item: LoadItem, source: Source, records: Iterable[dialect_reader.Record]) -> Iterator[Record]:
    """The records with their fields. If so declared, those behind a second header are violations."""
    ended = False
    for record in records:
        found = _record(item, source, record)
        if ended:
            found = replace(found, fields=[FURTHER_TABLE])
        ended = ended or (source.dialect.further_tables and found.fields == [REPEATED_HEADER])
        yield found


def _record(item: LoadItem, source: Source, record: dialect_reader.Record) -> Record:
    raw = recoded(record.raw, record.codec)
    location = Located(item.migration_id, item.key, record.line, record.offset, raw, [])
    fields = with_folder_values(_fields(item, source, record), item.folder_values)
    return Record(item.base + record.offset, location, item.tables[0], source, fields)


def _fields(
    item: LoadItem, source: Source, record: dialect_reader.Record
) -> Mapping[str, str] | list[Violation]:
    names, header = source.names, item.header
    short = source.dialect.header and len(record.raw) <= names.longest(header) * _CHARACTER_BYTES
    if short and record.fields and names.repeats(record.fields, header):
        return [REPEATED_HEADER]
    return fields_of(record, header, source.dialect)
