"""From a row's position back to its record in the file: raw text, line and byte offset."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dataforge.files.names import is_parquet
from dataforge.formats.csv_boundaries import split_records
from dataforge.formats.csv_objects import windows
from dataforge.postgres.shadow import FILE_SHIFT
from dataforge.records.rejections import Located
from dataforge.records.validate import Violation
from dataforge.s3.objects import Object
from functions.migrate.run.migration import Run
from functions.migrate.run.reading.parquet import locate_rows
from functions.migrate.run.reading.replayed import locate_replayed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor


Bad = tuple[int, list[Violation]]


def locate(cursor: Cursor, s3: S3Client, run: Run, bad: Iterable[Bad]) -> Iterator[Located]:
    """The records at these positions, which ascend. Reads each chunk that has one of them once, one at a time."""
    if run.replay is not None:
        yield from locate_replayed(cursor, run.id, bad)
        return
    cursor.execute(
        "SELECT file_number, first_byte, end_byte, first_line, bucket, key, etag, size, compression"
        " FROM dataforge.migration_chunks"
        " JOIN dataforge.migration_files USING (migration_id, file_number)"
        " WHERE migration_id = %s AND first_byte IS NOT NULL ORDER BY file_number, first_byte, end_byte",
        (run.id,),
    )
    chunks = cursor.fetchall()
    starts = [(number << FILE_SHIFT) + first for number, first, *_ in chunks]
    for index, inside in itertools.groupby(bad, lambda one: bisect.bisect_right(starts, one[0]) - 1):
        number, first, end, line, *place = chunks[index]
        yield from _in_chunk(run, s3, Object(*place), (first, end, line), number << FILE_SHIFT, inside)


def _in_chunk(
    run: Run, s3: S3Client, file: Object, chunk: tuple[int, int, int], base: int, bad: Iterator[Bad]
) -> Iterator[Located]:
    if is_parquet(file.key):
        # A flat file's row may be bad in several ways, and is then there as often.
        bad_rows = list(bad)
        found = locate_rows(s3, run.id, file, *chunk[:2], (position - base for position, _ in bad_rows))
        yield from (replace(place, violations=one[1]) for place, one in zip(found, bad_rows, strict=True))
        return
    one = next(bad, None)
    for window in windows(s3, file, *chunk):
        ends = split_records(window.data, last=True).ends
        offset, line, after = 0, window.line, base + window.start + len(window.data)
        while one is not None and one[0] < after:
            start = one[0] - base - window.start
            line += window.data.count(b"\n", offset, start)
            offset = start
            raw = window.data[start : int(ends[np.searchsorted(ends, start, side="right")])]
            yield Located(run.id, file.key, line, window.start + start, raw, one[1])
            one = next(bad, None)
        if one is None:
            return
