"""Match the source's files to tables, and read the headers of CSVs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dataforge.errors import (
    ColumnInFolder,
    DuplicateColumn,
    MissingColumn,
    MissingFile,
    NoFiles,
    RecordTooLong,
    UnexpectedFiles,
    UnknownColumn,
    UnsupportedFormat,
    WrongEncoding,
    WrongFieldCount,
    WrongHeader,
)
from dataforge.files.listing import FileList, list_files
from dataforge.files.sources import Taken
from dataforge.formats import csv_header, dialect_reader
from dataforge.formats.archives import stored_archive
from dataforge.formats.content import content_of
from dataforge.formats.csv_header import HEADER_BYTES
from dataforge.formats.dialect_reader import read_head
from dataforge.formats.json_lines import first_record
from dataforge.formats.misfit import explain, explain_field_count
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object, read_range
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_DIALECT_HINT = "Compare the file's first lines with the dialect that the dataset declares for it (Csv)."


@dataclass(frozen=True)
class RunFiles:
    """The run's files, in file order, and by key the reason why others below the prefix are ignored."""

    taken: list[tuple[Taken, Object]]
    ignored: dict[str, str]


def match_files(s3: S3Client, run: Run, objects: Iterable[Object], bucket: str) -> RunFiles:
    """Match the objects below the run's prefix, and the files in archives, to its tables (``dataforge.files.listing``).

    Raises ``NoFiles``, ``UnexpectedFiles`` or ``MissingFile``.
    """
    by_path = {item.key.removeprefix(run.prefix): item for item in objects}
    if not by_path:
        raise NoFiles(bucket, run.prefix)
    tables = [table.name for table in run.tables]
    listing = list_files(
        run.dataset, tables, by_path, run.ignore, run.prefix, lambda path: stored_archive(s3, by_path[path])
    )
    if listing.doubtful:
        raise UnexpectedFiles({run.prefix + path: reason for path, reason in listing.doubtful.items()})
    if listing.missing:
        raise MissingFile(listing.missing, run.prefix, listing.ignored)
    ignored = {run.prefix + path: reason for path, reason in listing.ignored.items()}
    return RunFiles([(file, _object(run, by_path, listing, path)) for path, file in listing.taken], ignored)


def _object(run: Run, by_path: Mapping[str, Object], listing: FileList, path: str) -> Object:
    """The object at a path, or the file in an archive."""
    if path in by_path:
        return by_path[path]
    inside = listing.archived[path]
    archive = by_path[inside.archive]
    return replace(archive, key=run.prefix + path, archive=archive.key, text_size=inside.size)


@dataclass(frozen=True)
class Header:
    """A CSV's columns in the file's order, the offset and line of its first record, and the file's compression.

    ``record_end``: what ends its records if that differs from what the dialect declares.
    """

    columns: tuple[str, ...]
    end: int
    line: int
    compression: str
    record_end: str | None = None


def read_header(s3: S3Client, taken: Taken, file: Object) -> Header:
    """Read the header of a CSV, whose compression is detected from its content.

    Raises ``UnsupportedFormat`` or the errors of ``csv_header``, with file and column.
    """
    data, compression = _head(s3, file)
    try:
        return _read_header(taken, file, data, compression)
    except (DuplicateColumn, MissingColumn, UnknownColumn, WrongEncoding, WrongHeader) as error:
        found = explain(data, taken.source.dialect, taken.names, taken.columns)
        raise error.with_advice(found.detail, found.hint) if found else error from None


def _read_header(taken: Taken, file: Object, data: bytes, compression: str) -> Header:
    if not taken.source.dialect.is_standard:
        return _read_dialect_header(taken, file, data, compression)
    if not data:
        raise MissingColumn(
            file.key, taken.columns, "The file is empty.", 'Remove the file, or exclude it with "ignore".'
        )
    headers, start = csv_header.read_header(file.key, data, taken.names.texts)
    columns = check_columns(file.key, headers, taken)
    return Header(columns, start, 1 + data.count(b"\n", 0, start), compression)


def read_json_start(s3: S3Client, taken: Taken, file: Object) -> Header:
    """The columns that a line of JSON may have, and the first line. Raises the errors of ``first_record``."""
    data, compression = _head(s3, file)
    start = first_record(file.key, data, whole=len(data) < HEADER_BYTES)
    return Header(taken.columns, start, 1, compression)


def _read_dialect_header(taken: Taken, file: Object, data: bytes, compression: str) -> Header:
    """The columns of a file in a declared dialect.

    A file that is not read in parallel is read from its first byte, the records of its header too.
    """
    dialect = taken.source.dialect
    try:
        head = read_head(data, replace(dialect, skip_footer=0))
    except dialect_reader.RecordTooLong as error:
        raise RecordTooLong(file.key, error.line, HEADER_BYTES) from None
    found = Header(taken.columns, 0, 1, compression)
    if dialect.is_parallel:
        found = (
            replace(found, record_end="\r")
            if head.has_bare_returns
            else replace(found, end=head.end, line=head.line)
        )
    if not dialect.header:
        if misfit := explain_field_count(data, dialect, len(taken.columns)):
            raise WrongFieldCount(file.key, len(taken.columns), misfit.detail, misfit.hint)
        return found
    lines = head.records
    if not lines or any(line.fields is None for line in lines):
        raise MissingColumn(file.key, taken.names.texts, "Its header cannot be read.", _DIALECT_HINT)
    headers = tuple(
        " ".join(texts).strip() for texts in zip(*(line.fields or () for line in lines), strict=False)
    )
    return replace(found, columns=check_columns(file.key, headers, taken))


def check_columns(key: str, headers: tuple[str, ...], taken: Taken) -> tuple[str, ...]:
    """The columns of a file's headers.

    Raises ``ColumnInFolder`` for columns that the file's folders fill, or an error of ``csv_header.check_columns``.
    """
    columns = taken.source.names.columns(headers)
    if both := [column for column in columns if column in taken.partition]:
        raise ColumnInFolder(key, both)
    csv_header.check_columns(key, headers, taken.names, taken.required)
    return columns


def _head(s3: S3Client, file: Object) -> tuple[bytes, str]:
    """The first ``HEADER_BYTES`` of the file's text, fewer if it is shorter, and the file's compression."""
    if file.archive:
        return _unpacked_head(s3, file), file.compression
    data = read_range(s3, file, 0, min(HEADER_BYTES, file.size))
    content = content_of(data)
    if content.unread:
        raise UnsupportedFormat(file.key, content.unread)
    if not content.compression:
        return data, ""
    return _unpacked_head(s3, replace(file, packed=content.compression)), content.compression


def _unpacked_head(s3: S3Client, file: Object) -> bytes:
    with open_text(s3, file) as text:
        data = text.read(HEADER_BYTES)
    if (inner := content_of(data)).compression or inner.unread:
        raise UnsupportedFormat(file.key, f"{inner.compression or inner.unread} inside {file.compression}")
    return data
