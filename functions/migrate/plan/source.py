"""The source's files: which objects are which table's, and what the headers of CSVs say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dataforge.errors import (
    ColumnInFolder,
    MissingColumn,
    MissingFile,
    NoFiles,
    UnexpectedFiles,
    UnsupportedFormat,
)
from dataforge.files.listing import list_files
from dataforge.files.sources import Taken
from dataforge.formats import csv_header
from dataforge.formats.content import content_of
from dataforge.formats.csv_header import HEADER_BYTES
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object, read_range
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class RunFiles:
    """The run's files, in file order, and by path why others below the prefix are ignored."""

    taken: list[tuple[Taken, Object]]
    ignored: dict[str, str]


def match_files(run: Run, objects: Iterable[Object], bucket: str) -> RunFiles:
    """What becomes of the objects below the run's prefix, by their names (``dataforge.files.listing``).

    Raises ``NoFiles``, ``UnexpectedFiles`` or ``MissingFile``.
    """
    by_path = {item.key.removeprefix(run.prefix): item for item in objects}
    if not by_path:
        raise NoFiles(bucket, run.prefix)
    found = list_files(run.dataset, [table.name for table in run.tables], by_path, run.ignore, run.prefix)
    if found.doubtful:
        raise UnexpectedFiles({run.prefix + path: reason for path, reason in found.doubtful.items()})
    if found.missing:
        raise MissingFile(found.missing, run.prefix, found.ignored)
    ignored = {by_path[path].key: reason for path, reason in found.ignored.items()}
    return RunFiles([(taken, by_path[path]) for path, taken in found.taken], ignored)


@dataclass(frozen=True)
class Header:
    """A CSV's columns in its own order, where its first record begins, in which line, and the file's compression."""

    columns: tuple[str, ...]
    end: int
    line: int
    compression: str


def read_header(s3: S3Client, taken: Taken, file: Object) -> Header:
    """The header of a CSV, whose compression is recognised by its content.

    Raises ``UnsupportedFormat`` or what ``csvheader`` does, naming file and column.
    """
    data, compression = _head(s3, file)
    if not data:
        raise MissingColumn(
            file.key, taken.columns, "The file is empty.", 'Remove the file, or exclude it with "ignore".'
        )
    columns, start = csv_header.read_header(file.key, data, taken.columns)
    check_columns(file.key, columns, taken)
    return Header(columns, start, 1 + data.count(b"\n", 0, start), compression)


def check_columns(key: str, found: tuple[str, ...], taken: Taken) -> None:
    """Raises ``ColumnInFolder`` for columns that the file's folders fill, or what ``csvheader.check_columns`` does."""
    if both := [column for column in found if column in taken.partition]:
        raise ColumnInFolder(key, both)
    csv_header.check_columns(key, found, taken.columns)


def _head(s3: S3Client, file: Object) -> tuple[bytes, str]:
    """The first bytes of the file's text, fewer than ``HEADER_BYTES`` only if it has no more; and its compression."""
    data = read_range(s3, file, 0, min(HEADER_BYTES, file.size))
    content = content_of(data)
    if content.unread:
        raise UnsupportedFormat(file.key, content.unread)
    if not content.compression:
        return data, ""
    with open_text(s3, replace(file, packed=content.compression)) as text:
        data = text.read(HEADER_BYTES)
    if (inner := content_of(data)).compression or inner.unread:
        raise UnsupportedFormat(file.key, f"{inner.compression or inner.unread} inside {content.compression}")
    return data, content.compression
