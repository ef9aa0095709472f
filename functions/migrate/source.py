"""The source's files: which objects are which table's, and what the headers of CSVs say."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from dataforge.bulk.text import open_text
from dataforge.catalogue import Dataset, Source
from dataforge.csvfile import parse_fields, split_records
from dataforge.errors import (
    DuplicateColumn,
    MissingColumn,
    MissingFile,
    NoFiles,
    UnknownColumn,
    WrongEncoding,
    WrongHeader,
)
from dataforge.naming import in_order, source_of
from dataforge.objects import Object, read_range

_HEADER_BYTES = 1 << 16
_IDENTIFIER = re.compile(r"[^\W\d][\w .-]{0,59}")
_SHOWN = 5
_UTF16_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def match_files(
    dataset: Dataset, tables: Iterable[str], objects: Iterable[Object], bucket: str, prefix: str
) -> list[tuple[Source, Object]]:
    """The files of each source that feeds one of the tables, found by their names (``dataforge.naming``).

    Sources come in catalogue order, the files of one in the order of their keys: the file order that decides conflicts.
    Raises ``NoFiles`` or ``MissingFile``.
    """
    wanted = set(tables)
    by_key = {item.key: item for item in objects}
    if not by_key:
        raise NoFiles(bucket, prefix)
    by_source: dict[str, list[Object]] = {}
    for key in in_order(by_key):
        source = source_of(dataset, key.removeprefix(prefix))
        if source is not None:
            by_source.setdefault(source.file, []).append(by_key[key])
    sources = [s for s in dataset.sources if wanted & set(s.tables)]
    missing = {t: s.file for s in sources if s.file not in by_source for t in s.tables if t in wanted}
    if missing:
        raise MissingFile(missing, prefix)
    return [(source, file) for source in sources for file in by_source[source.file]]


def read_header(s3: Any, source: Source, file: Object) -> tuple[tuple[str, ...], int, int]:
    """The file's columns in its own order, the offset of its first record, and that record's line.

    Raises ``WrongEncoding``, ``MissingColumn``, ``UnknownColumn`` or ``DuplicateColumn``, naming file and column.
    """
    data = _head(s3, file)
    if not data:
        raise MissingColumn(file.key, source.columns, "; the file is empty")
    if data.startswith(_UTF16_32):
        raise WrongEncoding(file.key, "the file is UTF-16 or UTF-32")
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    ends = split_records(data[mark:], last=len(data) < _HEADER_BYTES).ends
    header = data[mark : mark + int(ends[0])] if len(ends) else data[mark:]
    columns = _columns(file.key, header)
    check_columns(file.key, columns, source.columns)
    start = mark + len(header)
    return columns, start, 1 + data.count(b"\n", 0, start)


def _head(s3: Any, file: Object) -> bytes:
    """The first bytes of the file's text; fewer than ``_HEADER_BYTES`` only if it has no more."""
    if not file.compression:
        return read_range(s3, file, 0, min(_HEADER_BYTES, file.size))
    with open_text(s3, file) as text:
        return text.read(_HEADER_BYTES)


def _columns(key: str, header: bytes) -> tuple[str, ...]:
    fields = parse_fields(header)
    if fields is None:
        raise WrongHeader(key, "it has a quote inside an unquoted field, or one that is never closed")
    if b"\r" in header.removesuffix(b"\r\n"):
        raise WrongHeader(key, "it has a bare CR; lines must end with LF or CRLF")
    try:
        return tuple(field.decode().strip() for field in fields)
    except UnicodeDecodeError:
        raise WrongEncoding(key, "the header is not UTF-8") from None


def check_columns(key: str, found: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """Raises ``MissingColumn``, ``UnknownColumn`` or ``DuplicateColumn`` where a file's columns are not its source's."""
    unknown, missing = [c for c in found if c not in wanted], [c for c in wanted if c not in found]
    if missing:
        hint = f"; it has instead: {_some(unknown)}" if unknown else ""
        raise MissingColumn(key, missing, hint)
    if unknown:
        raise UnknownColumn(key, _some(unknown))
    twice = [c for c, n in Counter(found).items() if n > 1]
    if twice:
        raise DuplicateColumn(key, twice)


def _some(names: list[str]) -> str:
    """A few names of a header, of bounded length. What is no identifier may be a record, and is not shown."""
    shown = [
        repr(name) if not name or _IDENTIFIER.fullmatch(name) else "one that is no name"
        for name in names[:_SHOWN]
    ]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
