"""The records of a Parquet file: by columns where they are good, one by one where not, and all of a flat file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from dataforge.bulk.blocks import TableBatcher, constant
from dataforge.formats.parquet_source import Rows, Texts, read_rows
from dataforge.records.rejections import Located
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Source, Table
from functions.migrate.run.reading.validated_records import Judge, Part, Record, judge_each
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


LINES_BEFORE = 2
"""A row's line is its number, counted from 1, plus one, as if the file had a header. Its offset counts from 0."""


def parquet_parts(s3: S3Client, item: LoadItem, source: Source, tables: dict[str, Table]) -> Iterator[Part]:
    """The parts of the item's rows."""
    batchers = {name: TableBatcher(table) for name, table in tables.items()}
    for rows in read_rows(s3, item.object, item.start, item.end):
        if source.split is not None:
            yield from judge_each(tables, _records(item, rows, source, range(len(rows))))
            continue
        for batcher in batchers.values():
            part = Part(batcher.table)
            left = _by_columns(item, rows, batcher, part)
            judge = Judge({batcher.table.name: part}, {batcher.table.name: batcher})
            for record in _records(item, rows, source, left):
                judge(record)
            yield part


def _by_columns(item: LoadItem, rows: Rows, batcher: TableBatcher, part: Part) -> list[int]:
    """Take the rows that are certainly good; returns the others."""
    count, texts = len(rows), _texts(item, rows)
    left = np.zeros(count, np.bool_)
    left[list(rows.broken)] = True
    has_nul = any(pc.any(pc.match_substring(column, "\0"), min_count=0).as_py() for column in texts.values())
    taken = np.flatnonzero(~left)
    chosen = texts if len(taken) == count else {name: column.take(taken) for name, column in texts.items()}
    left[taken] = batcher.add_columns(part.batch, chosen, item.base + rows.first + taken, has_nul=has_nul)
    part.batch.read += count - int(left.sum())
    return [int(index) for index in np.flatnonzero(left)]


def _records(item: LoadItem, rows: Rows, source: Source, indices: Iterable[int]) -> Iterator[Record]:
    texts = _texts(item, rows)
    for index in indices:
        number = rows.first + index
        values = {name: column[index].as_py() for name, column in texts.items()}
        fields = {name: value for name, value in values.items() if value is not None}
        place = _place(item.migration_id, item.key, rows, index)
        yield Record(item.base + number, place, item.tables[0], source, rows.broken.get(index, fields))


def _texts(item: LoadItem, rows: Rows) -> Texts:
    """The rows as texts, with the columns that the names of the file's folders fill."""
    return {
        **rows.texts,
        **{name: constant(value, len(rows)) for name, value in (item.folder_values or {}).items()},
    }


def _place(migration_id: str, key: str, rows: Rows, index: int) -> Located:
    number = rows.first + index
    return Located(migration_id, key, number + LINES_BEFORE, number, rows.raw(index), [])


def locate_rows(
    s3: S3Client, migration_id: str, file: Object, start: int, end: int, numbers: Iterable[int]
) -> Iterator[Located]:
    """The rows of these numbers, which ascend and lie between ``start`` and ``end``; what is wrong is left empty."""
    wanted = iter(numbers)
    number = next(wanted, None)
    for rows in read_rows(s3, file, start, end):
        while number is not None and number < rows.first + len(rows):
            yield _place(migration_id, file.key, rows, number - rows.first)
            number = next(wanted, None)
        if number is None:
            return
