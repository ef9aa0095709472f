"""Read the records of a Parquet file: valid rows by columns, the others and those of a flat file one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from dataforge.bulk.blocks import TableBatcher, constant
from dataforge.formats.parquet_source import Rows, Texts, read_rows
from dataforge.records.rejections import Located
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Source, Table
from functions.migrate.run.reading.validated_records import (
    BatcherOf,
    Record,
    ValidatedRecords,
    Validator,
    validate_each,
)
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


LINES_BEFORE = 2
"""The line of row 0: a row's line counts from 1, after a header line. Its offset is its number, from 0."""


def read_parquet(
    s3: S3Client,
    item: LoadItem,
    source: Source,
    tables: dict[str, Table],
    batcher: BatcherOf = TableBatcher,
) -> Iterator[ValidatedRecords]:
    """The item's rows, validated, some at a time."""
    batchers = {name: batcher(table) for name, table in tables.items()}
    for rows in read_rows(s3, item.object, item.start, item.end, item.header):
        if source.split is not None:
            yield from validate_each(tables, _records(item, rows, source, range(len(rows))), batcher)
            continue
        for name, taker in batchers.items():
            result = ValidatedRecords(taker.table)
            remaining = _add_by_columns(item, rows, taker, result)
            validator = Validator({name: result}, {name: taker})
            for record in _records(item, rows, source, remaining):
                validator.add(record)
            yield result


def _add_by_columns(item: LoadItem, rows: Rows, batcher: TableBatcher, result: ValidatedRecords) -> list[int]:
    """Add the rows whose columns are all valid to the result. Returns the indices of the others."""
    count, texts = len(rows), _texts(item, rows)
    remaining = np.zeros(count, np.bool_)
    remaining[list(rows.broken)] = True
    has_nul = any(pc.any(pc.match_substring(column, "\0"), min_count=0).as_py() for column in texts.values())
    readable = np.flatnonzero(~remaining)
    if len(readable) < count:
        texts = {name: column.take(readable) for name, column in texts.items()}
    positions = item.base + rows.first + readable
    remaining[readable] = batcher.add_columns(result.batch, texts, positions, has_nul=has_nul)
    result.batch.read += count - int(remaining.sum())
    return [int(index) for index in np.flatnonzero(remaining)]


def _records(item: LoadItem, rows: Rows, source: Source, indices: Iterable[int]) -> Iterator[Record]:
    texts = _texts(item, rows)
    for index in indices:
        values = {name: column[index].as_py() for name, column in texts.items()}
        fields = {name: value for name, value in values.items() if value is not None}
        location = _location(item.migration_id, item.key, rows, index)
        position = item.base + rows.first + index
        yield Record(position, location, item.tables[0], source, rows.broken.get(index, fields))


def _texts(item: LoadItem, rows: Rows) -> Texts:
    """The rows as texts, with the columns that the names of the file's folders fill."""
    folders = item.folder_values or {}
    return {**rows.texts, **{name: constant(value, len(rows)) for name, value in folders.items()}}


def _location(migration_id: str, key: str, rows: Rows, index: int) -> Located:
    number = rows.first + index
    return Located(migration_id, key, number + LINES_BEFORE, number, rows.raw(index), [])


def locate_rows(
    s3: S3Client,
    migration_id: str,
    file: Object,
    start: int,
    end: int,
    numbers: Iterable[int],
    header: Sequence[str] = (),
) -> Iterator[Located]:
    """The rows with these numbers, which ascend and are between ``start`` and ``end``, without violations."""
    ascending = iter(numbers)
    number = next(ascending, None)
    for rows in read_rows(s3, file, start, end, header):
        while number is not None and number < rows.first + len(rows):
            yield _location(migration_id, file.key, rows, number - rows.first)
            number = next(ascending, None)
        if number is None:
            return
