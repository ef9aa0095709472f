"""One file as it is: its format, compression and dialect, and its records as texts."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count, islice, zip_longest
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dataforge.errors import UnsupportedFormat
from dataforge.formats.content import content_of
from dataforge.formats.dialect import Csv
from dataforge.formats.dialect_reader import Record, read_records
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object, read_range
from discovery.formats.dialects import SAMPLE_BYTES, Detected, detect
from discovery.formats.encodings import detect_encoding
from discovery.formats.part_dialects import is_part
from discovery.formats.unsuitable import NotATable, refuse_document, refuse_office

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HEAD_BYTES = 4096


@dataclass(frozen=True)
class TextFile:
    """A CSV. ``header``: the names of its columns, or generated ones. ``width``: the fields of a regular record.

    ``is_ascii``: whether the beginning has ASCII characters only. ``regular``: the share of records of this width.
    ``lines_before``: the lines before the first record. ``unnamed``: whether the header lacks a column's name.
    ``by_names``: whether only the form of the first line suggests that it is a header.
    """

    object: Object
    dialect: Csv
    header: tuple[str, ...]
    has_header: bool
    reasons: Mapping[str, str]
    sure: float
    is_ascii: bool = False
    regular: float = 1.0
    lines_before: int = 0
    unnamed: bool = False
    by_names: bool = False

    @property
    def format(self) -> Csv:
        """The dialect."""
        return self.dialect

    @property
    def width(self) -> int:
        """The number of fields of a regular record."""
        return len(self.header)


@dataclass(frozen=True)
class Unread:
    """A record that cannot be read: where it begins, and why."""

    line: int
    reason: str


def open_csv(
    s3: S3Client, file: Object, given: Mapping[str, object], like: TextFile | None = None
) -> TextFile:
    """Detect a file's dialect; ``given`` are the arguments of ``Csv`` that are known.

    ``like``: a file that may be another part of the same table, whose dialect is tried first. Raises
    ``UnsupportedFormat``, and ``NotATable`` for a document of another kind, unless a part of the dialect is known.
    """
    packed = inspect(s3, file)
    with open_text(s3, packed) as text:
        sample = text.read(SAMPLE_BYTES)
        whole = not text.read(1)
    if not given:
        refuse_document(file.key, sample)
    if not whole and "encoding" not in given and sample.isascii():
        given = {**given, **_later_encoding(s3, packed)}
    ascii_only = sample.isascii() and "encoding" not in given
    if like is not None and not given.keys() - {"encoding"}:
        encoding = str(given.get("encoding") or detect_encoding(sample, whole=whole)[0])
        if is_part(sample, whole=whole, encoding=encoding, header=like.header, dialect=like.dialect):
            dialect = replace(like.dialect, encoding=encoding)
            return replace(like, object=packed, dialect=dialect, is_ascii=ascii_only, regular=1.0)
    return _opened(packed, _detected(sample, whole=whole, given=given), sample, ascii_only=ascii_only)


def _opened(file: Object, found: Detected, sample: bytes, *, ascii_only: bool) -> TextFile:
    records = list(islice(read_records(io.BytesIO(sample).read, found.dialect), 500))
    header = [record.fields for record in records[: found.dialect.header] if record.fields]
    body = records[found.dialect.header :]
    width = _width(body) or (len(header[0]) if header else 0)
    names = _names(header, width)
    fitting = sum(record.fields is not None and len(record.fields) == width for record in body)
    regular = fitting / len(body) if body else float(not found.dialect.skip)
    return TextFile(
        file,
        found.dialect,
        names,
        bool(header),
        found.reasons,
        found.sure,
        ascii_only,
        regular,
        _lines_before(records, found.dialect),
        bool(header) and len([text for text in header[0] if text.strip()]) < width,
        found.by_names,
    )


def _lines_before(records: list[Record], dialect: Csv) -> int:
    first = records[dialect.header].line if len(records) > dialect.header else None
    return dialect.skip + dialect.header if first is None else first - 1


def positional(file: TextFile) -> TextFile:
    """The file with its columns by their positions if their names are missing or equal; else unchanged.

    They keep the names of the header, numbered where one occurs again.
    """
    folded = [name.casefold() for name in file.header]
    if not file.has_header or (len(set(folded)) == len(folded) and not file.unnamed):
        return file
    dialect = replace(file.dialect, header=0, skip=file.lines_before)
    return replace(file, dialect=dialect, header=distinct(file.header), has_header=False)


def without_header(file: TextFile) -> TextFile:
    """The file with its header as its first record, and generated names."""
    dialect = replace(file.dialect, header=0)
    names = tuple(f"column_{place + 1}" for place in range(file.width))
    reasons = {**file.reasons, "header": "the other files of this dialect have none"}
    before = file.dialect.skip
    return replace(
        file, dialect=dialect, header=names, has_header=False, reasons=reasons, lines_before=before
    )


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names, numbered where one occurs again in any case."""
    found: dict[str, str] = {}
    for name in names:
        numbered = (f"{name} {number}" for number in count(2))
        unlike = next(n for n in chain([name], numbered) if n.casefold() not in found)
        found[unlike.casefold()] = unlike
    return tuple(found.values())


def _later_encoding(s3: S3Client, file: Object) -> dict[str, object]:
    """The encoding of a file that begins with ASCII only, by its first bytes that are not ASCII."""
    with open_text(s3, file) as text:
        before = b""
        while piece := text.read(SAMPLE_BYTES):
            if not piece.isascii():
                # A character may be cut at the end of a piece.
                encoding, _ = detect_encoding(before[-4:] + piece + text.read(4), whole=False)
                return {"encoding": encoding}
            before = piece
    return {}


def _names(header: list[tuple[str, ...]], width: int) -> tuple[str, ...]:
    """A name for each of the columns: of the header's lines, or generated where the header has none."""
    names = [" ".join(filter(None, map(str.strip, parts))) for parts in zip_longest(*header, fillvalue="")]
    return tuple(
        (names[place] if place < len(names) else "") or f"column_{place + 1}" for place in range(width)
    )


def inspect(s3: S3Client, file: Object) -> Object:
    """The object with the compression that its content shows."""
    if file.archive:
        return file
    head = read_range(s3, file, 0, min(_HEAD_BYTES, file.size))
    refuse_office(file.key, head)
    content = content_of(head)
    if content.unread == "Parquet":
        hint = f"Rename it to {PurePosixPath(file.key).stem}.parquet."
        raise NotATable(f"{file.key} is Parquet, which is read only by the ending .parquet.", hint=hint)
    if content.unread:
        raise UnsupportedFormat(file.key, content.unread)
    return replace(file, packed=content.compression)


def _detected(sample: bytes, *, whole: bool, given: Mapping[str, object]) -> Detected:
    if not given:
        return detect(sample, whole=whole)
    found = detect(sample, whole=whole, given=given)
    return replace(found, reasons={**found.reasons, **dict.fromkeys(given, "specified")})


def _width(records: list[Record]) -> int:
    widths = [len(record.fields) for record in records if record.fields is not None]
    return max(set(widths), key=lambda width: (widths.count(width), width), default=0)


def records_of(s3: S3Client, file: TextFile) -> Iterator[tuple[str, ...] | Unread]:
    """The records behind the header, in order: their fields, or why one cannot be read."""
    with open_text(s3, file.object) as text:
        for record in islice(read_records(text.read, file.dialect), file.dialect.header, None):
            yield _fields(record, file)


def _fields(record: Record, file: TextFile) -> tuple[str, ...] | Unread:
    if record.fields is None:
        reason = "malformed" if record.error == "malformed" else "not valid text in the encoding"
        return Unread(record.line, f"a quote is misplaced: {reason}" if reason == "malformed" else reason)
    if len(record.fields) != file.width:
        return Unread(record.line, f"it has {len(record.fields)} fields, the table {file.width}")
    return record.fields
