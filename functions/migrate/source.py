"""The source's files: which object is which table's, what its header says, and how it is cut into ranges."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from dataforge.catalogue import Dataset, Source
from dataforge.csvfile import parse_fields, split_records
from dataforge.errors import (
    AmbiguousFile,
    DuplicateColumn,
    MissingColumn,
    MissingFile,
    NoFiles,
    UnknownColumn,
    WrongEncoding,
)
from dataforge.objects import Object, read_range

_HEADER_BYTES = 1 << 16
_UTF16_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def match_files(
    dataset: Dataset, tables: Iterable[str], objects: Iterable[Object], bucket: str, prefix: str
) -> list[tuple[Source, Object]]:
    """The file of each source that feeds one of the tables, found by its name, in catalogue order.

    Raises ``NoFiles``, ``MissingFile`` or ``AmbiguousFile``.
    """
    wanted = set(tables)
    by_name: dict[str, list[Object]] = {}
    for item in objects:
        by_name.setdefault(item.key.rpartition("/")[2], []).append(item)
    if not by_name:
        raise NoFiles(bucket, prefix)
    sources = [s for s in dataset.sources if wanted & set(s.tables)]
    missing = {t: s.file for s in sources if s.file not in by_name for t in s.tables if t in wanted}
    if missing:
        raise MissingFile(missing, prefix)
    for source in sources:
        if len(by_name[source.file]) > 1:
            raise AmbiguousFile(source.tables[0], [o.key for o in by_name[source.file]])
    return [(s, by_name[s.file][0]) for s in sources]


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
