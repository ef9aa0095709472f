"""Count the records of files with Python's own readers, independently of Data Forge."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq

from dataforge.formats.dialect import Csv
from dataforge.tables.catalogue import Source

_OPENERS: dict[str, Callable[..., IO[str]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def count_records(path: Path, source: Source) -> int | None:
    """The number of records, or None if no reader of Python reads this format, or it finds the file damaged."""
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    dialect = source.dialect
    try:
        with _OPENERS.get(path.suffix, open)(path, "rt", encoding=dialect.encoding, newline="") as text:
            if source.json_lines or path.name.partition(".")[2].startswith(("jsonl", "ndjson")):
                return sum(1 for line in text if line.strip())
            return _count_csv(text, dialect) if _is_known(dialect) else None
    except (OSError, UnicodeError, csv.Error):
        return None


def _count_csv(text: IO[str], dialect: Csv) -> int:
    csv.field_size_limit(sys.maxsize)
    records = csv.reader(
        _lines(text, dialect.skip),
        delimiter=dialect.delimiters[0],
        quotechar=dialect.quote,
        quoting=csv.QUOTE_NONE if dialect.quote is None else csv.QUOTE_MINIMAL,
        escapechar=dialect.escape,
        doublequote=dialect.doubled,
        strict=True,
    )
    return sum(1 for record in records if record) - dialect.header


def _lines(text: IO[str], skip: int) -> Iterator[str]:
    for number, line in enumerate(text):
        if number >= skip:
            yield line.removeprefix("\ufeff") if number == 0 else line


def _is_known(dialect: Csv) -> bool:
    """Whether Python's reader has all parts of the dialect."""
    one_mark = len(dialect.delimiters) == 1 and len(dialect.delimiters[0]) == 1
    others = (
        dialect.skip_footer,
        dialect.comment,
        dialect.record_end,
        dialect.escapes,
        dialect.further_tables,
    )
    return one_mark and dialect.strict and not any(others)
