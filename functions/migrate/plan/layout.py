"""How a file is laid out: its columns, where its records begin and end, and the ranges that workers take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dataforge.errors import UnsupportedColumnType
from dataforge.files.names import is_parquet
from dataforge.files.sources import Taken
from dataforge.formats.parquet_source import group_ends, open_file, unreadable
from dataforge.s3.objects import Object
from functions.migrate.plan.source import check_columns, read_header
from functions.migrate.run.reading.parquet import LINES_BEFORE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


Range = tuple[int, int, int | None]
"""Where it starts and ends, and the line it starts with, where that is known."""


@dataclass(frozen=True)
class Layout:
    """``header``: the columns in the file's order. A CSV is cut anywhere: where its records begin must be ``scanned``.

    Places are bytes of a CSV's text, and numbers of a Parquet file's rows, from 0. ``compression`` is what the content
    says, ``folder_values`` what the file's ``key=value`` folders say.
    """

    header: tuple[str, ...]
    ranges: list[Range]
    scanned: bool = False
    compression: str = ""
    folder_values: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def start(self) -> int:
        """Where the first record begins."""
        return self.ranges[0][0]

    @property
    def end(self) -> int:
        """Where the last record ends; of a compressed file that is not known, its size stands for it."""
        return self.ranges[-1][1]


def read_layout(s3: S3Client, taken: Taken, file: Object, step: int) -> Layout:
    """The file's layout, in ranges of about ``step`` bytes. Raises as ``read_header``, and ``UnsupportedColumnType``."""
    layout = (
        _read_parquet(s3, taken, file, step) if is_parquet(file.key) else _read_csv(s3, taken, file, step)
    )
    return replace(layout, folder_values=taken.partition)


def _read_csv(s3: S3Client, taken: Taken, file: Object, step: int) -> Layout:
    header = read_header(s3, taken, file)
    start, line = header.end, header.line
    if header.compression:
        # It can only be read from its beginning.
        whole: list[Range] = [(start, max(file.size, start), line)]
        return Layout(header.columns, whole, compression=header.compression)
    cut = [(a, b, line if a == start else None) for a, b in ranges(start, file.size, step)]
    return Layout(header.columns, cut, scanned=len(cut) > 1)


def _read_parquet(s3: S3Client, taken: Taken, file: Object, step: int) -> Layout:
    """A range is one row group or several: only their borders can be found without reading."""
    parquet = open_file(s3, file)
    schema = parquet.schema_arrow
    check_columns(file.key, tuple(schema.names), taken)
    if wrong := unreadable(schema):
        raise UnsupportedColumnType(file.key, wrong)
    found: list[Range] = []
    start, collected, reached = 0, 0, 0
    for end, size in group_ends(parquet):
        if collected and collected + size > step:
            found.append((start, reached, start + LINES_BEFORE))
            start, collected = reached, 0
        collected, reached = collected + size, end
    return Layout(tuple(schema.names), [*found, (start, reached, start + LINES_BEFORE)])


def ranges(start: int, size: int, step: int) -> Iterator[tuple[int, int]]:
    """The bytes from ``start`` to ``size`` in stretches of about ``step``; a file without records is one empty stretch."""
    if start >= size:
        yield start, size
    while start < size:
        end = size if size - start < step * 3 // 2 else start + step
        yield start, end
        start = end
