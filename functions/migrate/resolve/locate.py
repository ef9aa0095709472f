"""Locate rejected rows in the source: from a row's position to its record's raw text, line and offset."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from dataforge.files.names import is_parquet
from dataforge.formats.csv_boundaries import record_end
from dataforge.formats.csv_objects import object_records
from dataforge.formats.csv_stream import whole_size_of
from dataforge.formats.dialect import STANDARD, Csv, with_record_end
from dataforge.formats.json_boundaries import line_end, whole_size
from dataforge.postgres.shadow import FILE_SHIFT
from dataforge.records.rejections import Located
from dataforge.records.violation import Violation
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Dataset
from functions.migrate.run.migration import Run
from functions.migrate.run.reading.dialect import locate_in_dialect
from functions.migrate.run.reading.parquet import locate_rows
from functions.migrate.run.reading.replayed import locate_replayed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


Rejected = tuple[int, list[Violation]]
"""The position of a rejected row, and its violations."""


@dataclass(frozen=True)
class Chunk:
    """A chunk of a file; ``base`` is the position of the file's first byte."""

    file: Object
    base: int
    start: int
    end: int
    line: int
    source: str
    header: tuple[str, ...]
    record_end: str | None


def locate(cursor: Cursor, s3: S3Client, run: Run, rejected: Iterable[Rejected]) -> Iterator[Located]:
    """The records at these positions, which ascend. Each chunk that has one is read once, and only one at a time."""
    if run.replay is not None:
        yield from locate_replayed(cursor, run.id, rejected)
        return
    yield from locate_in(s3, run.id, run.dataset, _chunks(cursor, run), rejected)


def locate_in(
    s3: S3Client, run_id: str, dataset: Dataset, chunks: Sequence[Chunk], rejected: Iterable[Rejected]
) -> Iterator[Located]:
    """The records at these positions, which ascend, in the chunks, which are in file order."""
    sources = {source.file: source for source in dataset.sources}
    starts = [chunk.base + chunk.start for chunk in chunks]
    for index, rows in itertools.groupby(rejected, lambda row: bisect.bisect_right(starts, row[0]) - 1):
        chunk, source = chunks[index], sources.get(chunks[index].source)
        dialect = with_record_end(source.dialect if source else STANDARD, chunk.record_end)
        if is_parquet(chunk.file.key):
            yield from _locate_parquet(s3, run_id, chunk, rows)
        elif source and source.is_json_lines(chunk.file.key):
            yield from _locate_lines(
                s3, run_id, chunk, rows, whole_size, lambda data: partial(line_end, data)
            )
        elif dialect.is_parallel:
            yield from _locate_csv(s3, run_id, chunk, dialect, rows)
        else:
            offsets = ((position - chunk.base, violations) for position, violations in rows)
            yield from locate_in_dialect(s3, run_id, chunk.file, dialect, offsets)


def _chunks(cursor: Cursor, run: Run) -> list[Chunk]:
    cursor.execute(
        "SELECT file_number, first_byte, end_byte, first_line, source, header, record_end, bucket, key, etag, size,"
        " compression, archive"
        " FROM dataforge.migration_chunks"
        " JOIN dataforge.migration_files USING (migration_id, file_number)"
        " WHERE migration_id = %s AND first_byte IS NOT NULL ORDER BY file_number, first_byte, end_byte",
        (run.id,),
    )
    return [
        Chunk(Object(*file), number << FILE_SHIFT, start, end, line, source, tuple(header), record_end)
        for number, start, end, line, source, header, record_end, *file in cursor.fetchall()
    ]


def _locate_parquet(
    s3: S3Client, run_id: str, chunk: Chunk, rejected: Iterator[Rejected]
) -> Iterator[Located]:
    # A row of a flat file may be rejected in several tables' rows, and then occurs as often.
    rows = list(rejected)
    numbers = (position - chunk.base for position, _ in rows)
    located = locate_rows(s3, run_id, chunk.file, chunk.start, chunk.end, numbers, chunk.header)
    for record, (_, violations) in zip(located, rows, strict=True):
        yield record._replace(violations=violations)


def _locate_csv(
    s3: S3Client, run_id: str, chunk: Chunk, dialect: Csv, rejected: Iterator[Rejected]
) -> Iterator[Located]:
    def end_of(data: bytes) -> Callable[[int], int]:
        return partial(record_end, dialect.with_standard_marks(data))

    for located in _locate_lines(s3, run_id, chunk, rejected, whole_size_of(dialect), end_of):
        raw = cast("bytes", located.raw)
        stored = dialect.to_utf8(raw)
        yield located if stored is raw else located._replace(raw=stored)


def _locate_lines(
    s3: S3Client,
    run_id: str,
    chunk: Chunk,
    rejected: Iterator[Rejected],
    whole: Callable[[bytes], int],
    end_of: Callable[[bytes], Callable[[int], int]],
) -> Iterator[Located]:
    """Locate records of a text. ``end_of`` makes the function that finds the end of a record in it."""
    row = next(rejected, None)
    for records in object_records(s3, chunk.file, chunk.start, chunk.end, chunk.line, whole):
        if row is None:
            return
        data, key, first = records.data, chunk.file.key, records.start
        end, offset, line = end_of(data), 0, records.line
        while row is not None and (start := row[0] - chunk.base - first) < len(data):
            line += data.count(b"\n", offset, start)
            offset = start
            raw = data[start : end(start)]
            yield Located(run_id, key, line, first + start, raw, row[1], None, len(raw))
            row = next(rejected, None)
