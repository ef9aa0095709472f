"""The source's files: which objects are which table's, and what the headers of CSVs say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dataforge import csvheader
from dataforge.bulk.text import open_text
from dataforge.catalogue import Dataset, Source
from dataforge.csvheader import HEADER_BYTES
from dataforge.errors import MissingColumn, MissingFile, NoFiles
from dataforge.naming import in_order, source_of
from dataforge.objects import Object, read_range


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

    Raises what ``csvheader`` does, naming file and column.
    """
    data = _head(s3, file)
    if not data:
        raise MissingColumn(file.key, source.columns, "; the file is empty")
    columns, start = csvheader.read_header(file.key, data, source.columns)
    csvheader.check_columns(file.key, columns, source.columns)
    return columns, start, 1 + data.count(b"\n", 0, start)


def _head(s3: Any, file: Object) -> bytes:
    """The first bytes of the file's text; fewer than ``HEADER_BYTES`` only if it has no more."""
    if not file.compression:
        return read_range(s3, file, 0, min(HEADER_BYTES, file.size))
    with open_text(s3, file) as text:
        return text.read(HEADER_BYTES)
