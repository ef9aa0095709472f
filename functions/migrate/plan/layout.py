"""Determine the layout of a file: its columns, and the ranges that workers take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from dataforge.errors import UnsupportedColumnType
from dataforge.files.names import is_parquet
from dataforge.files.sources import Taken
from dataforge.formats.dialect import with_record_end
from dataforge.s3.objects import Object
from functions.migrate.plan.piece_limit import refuse_large_piece
from functions.migrate.plan.source import Header, check_columns, read_header, read_json_start

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Range(NamedTuple):
    """A range of a file, from ``start`` to ``end``, and the line at its start if that is known."""

    start: int
    end: int
    line: int | None


@dataclass(frozen=True)
class Layout:
    """The columns of a file, and the ranges that workers take.

    ``header``: the columns in the file's order; of ``json_lines``, the columns that a line may have. ``scanned``: ranges
    may begin inside a record and must be scanned for its end. Positions are bytes of a text and numbers of a Parquet file's
    rows, from 0. ``compression`` is detected from the content; ``folder_values`` are those of the file's ``key=value``
    folders. ``record_end``: the text that ends the records if it is not the declared one. ``marks``: the fields of
    ``ScanItem`` for the dialect.
    """

    header: tuple[str, ...]
    ranges: list[Range]
    scanned: bool = False
    json_lines: bool = False
    compression: str = ""
    folder_values: Mapping[str, str | None] = field(default_factory=dict)
    record_end: str | None = None
    marks: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def start(self) -> int:
        """The position of the first record."""
        return self.ranges[0].start

    @property
    def end(self) -> int:
        """The end of the last record; of a compressed file, whose length is unknown, the file's size."""
        return self.ranges[-1].end


def read_layout(s3: S3Client, taken: Taken, file: Object, step: int) -> Layout:
    """The file's layout, in ranges of about ``step`` bytes. Raises as ``read_header``, and ``UnsupportedColumnType``."""
    if is_parquet(file.key):
        layout = _read_parquet(s3, taken, file, step)
    elif taken.source.is_json_lines(file.key):
        layout = _read_json_lines(s3, taken, file, step)
    else:
        layout = _read_csv(s3, taken, file, step)
    return replace(layout, folder_values=taken.partition)


def _read_csv(s3: S3Client, taken: Taken, file: Object, step: int) -> Layout:
    header = read_header(s3, taken, file)
    start, line = header.end, header.line
    dialect = with_record_end(taken.source.dialect, header.record_end)
    if header.compression or not dialect.is_parallel:
        # A compressed file can only be read from its beginning.
        refuse_large_piece(s3, file, header.compression, by_columns=dialect.is_parallel)
        whole = Range(start, max(file.read_size, start), line)
        return Layout(header.columns, [whole], compression=header.compression, record_end=header.record_end)
    marks = {"delimiter": dialect.delimiters[0], "quote": dialect.quote, "encoding": dialect.encoding}
    return replace(_in_ranges(header, file, step), marks=marks)


def _in_ranges(header: Header, file: Object, step: int, *, json_lines: bool = False) -> Layout:
    start = header.end
    cut = [Range(a, b, header.line if a == start else None) for a, b in ranges(start, file.size, step)]
    return Layout(header.columns, cut, scanned=len(cut) > 1, json_lines=json_lines)


def _read_json_lines(s3: S3Client, taken: Taken, file: Object, step: int) -> Layout:
    start = read_json_start(s3, taken, file)
    if start.compression:
        refuse_large_piece(s3, file, start.compression, by_columns=False)
        whole = Range(start.end, max(file.read_size, start.end), start.line)
        return Layout(start.columns, [whole], compression=start.compression)
    return _in_ranges(start, file, step, json_lines=True)


def _read_parquet(s3: S3Client, taken: Taken, file: Object, step: int) -> Layout:
    """A range is one row group or more: a file's footer only has the borders of row groups."""
    # With Arrow, which no other file needs to be planned.
    from dataforge.formats.parquet_source import group_ends, open_file, unreadable  # noqa: PLC0415

    parquet = open_file(s3, file)
    schema = parquet.schema_arrow
    columns = check_columns(file.key, tuple(schema.names), taken)
    if wrong := unreadable(schema, columns):
        raise UnsupportedColumnType(file.key, wrong)
    return Layout(columns, list(_row_groups(group_ends(parquet), step)))


def _row_groups(groups: Iterable[tuple[int, int]], step: int) -> Iterator[Range]:
    """Ranges of about ``step`` bytes, from each row group's end and size."""
    from functions.migrate.run.reading.parquet import LINES_BEFORE  # noqa: PLC0415

    start, size_so_far, reached = 0, 0, 0
    for end, size in groups:
        if size_so_far and size_so_far + size > step:
            yield Range(start, reached, start + LINES_BEFORE)
            start, size_so_far = reached, 0
        size_so_far, reached = size_so_far + size, end
    yield Range(start, reached, start + LINES_BEFORE)


def ranges(start: int, end: int, step: int) -> Iterator[tuple[int, int]]:
    """Cut ``start`` to ``end`` into ranges of about ``step``; a file without records has one empty range."""
    if start >= end:
        yield start, end
    while start < end:
        border = end if end - start < step * 3 // 2 else start + step
        yield start, border
        start = border
