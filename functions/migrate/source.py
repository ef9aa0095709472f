"""The source's files: which objects are which table's, what their headers say, and how they are cut into ranges."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from dataforge.catalogue import Dataset, Source
from dataforge.csvfile import parse_fields, split_records
from dataforge.errors import (
    DuplicateColumn,
    MissingColumn,
    MissingFile,
    NoFiles,
    UnknownColumn,
    WrongEncoding,
)
from dataforge.naming import in_order, source_of
from dataforge.objects import Object, read_range

_HEADER_BYTES = 1 << 16
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
        source = source_of(dataset, _below(prefix, key))
        if source is not None:
            by_source.setdefault(source.file, []).append(by_key[key])
    sources = [s for s in dataset.sources if wanted & set(s.tables)]
    missing = {t: s.file for s in sources if s.file not in by_source for t in s.tables if t in wanted}
    if missing:
        raise MissingFile(missing, prefix)
    return [(source, file) for source in sources for file in by_source[source.file]]


def _below(prefix: str, key: str) -> str:
    """The key's folders below the prefix, and its whole name: a prefix may end inside of it."""
    folders = key.removeprefix(prefix).rpartition("/")[0]
    return f"{folders}/{key.rpartition('/')[2]}"


def read_header(s3: Any, source: Source, file: Object) -> tuple[tuple[str, ...], int, int]:
    """The file's columns in its own order, the offset of its first record, and that record's line.

    Raises ``WrongEncoding``, ``MissingColumn``, ``UnknownColumn`` or ``DuplicateColumn``, naming file and column.
    """
    size = min(_HEADER_BYTES, file.size)
    data = read_range(s3, file, 0, size)
    if not data:
        raise MissingColumn(f"{file.key} is empty", source.columns)
    if data.startswith(_UTF16_32):
        raise WrongEncoding(file.key, "the file is UTF-16 or UTF-32")
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    ends = split_records(data[mark:], last=size == file.size).ends
    header = data[mark : mark + int(ends[0])] if len(ends) else data[mark:]
    columns = _columns(file.key, header)
    _check(file.key, columns, source.columns)
    start = mark + len(header)
    return columns, start, 1 + data.count(b"\n", 0, start)


def _columns(key: str, header: bytes) -> tuple[str, ...]:
    fields = parse_fields(header)
    if fields is None:
        raise UnknownColumn(key, [header.decode(errors="replace").strip()])
    try:
        return tuple(field.decode().strip() for field in fields)
    except UnicodeDecodeError:
        raise WrongEncoding(key, "the header is not UTF-8") from None


def _check(key: str, found: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    unknown, missing = [c for c in found if c not in wanted], [c for c in wanted if c not in found]
    if missing:
        hint = f" (the header has {', '.join(map(repr, unknown))} instead)" if unknown else ""
        raise MissingColumn(f"{key}{hint}", missing)
    if unknown:
        raise UnknownColumn(key, unknown)
    twice = [c for c, n in Counter(found).items() if n > 1]
    if twice:
        raise DuplicateColumn(key, twice)


def ranges(start: int, size: int, step: int) -> Iterator[tuple[int, int]]:
    """The bytes from ``start`` to ``size`` in stretches of about ``step``; a file without records is one empty stretch."""
    if start >= size:
        yield start, size
    while start < size:
        end = size if size - start < step * 3 // 2 else start + step
        yield start, end
        start = end
