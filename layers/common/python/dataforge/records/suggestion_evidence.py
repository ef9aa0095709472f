"""The rejected records of one table as evidence for suggestions, wherever they are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dataforge.records.suggestions import (
    Suggestion,
    suggest,
    suggest_delimiter,
    suggest_encoding,
    suggest_header,
)
from dataforge.tables.catalogue import Table

COLUMNS = 10
"""Columns with the most rejections, which are examined."""
RECORDS = 5_000
"""Rejected records of a column that are read."""
RAW_CHARACTERS = 4_000
"""Longer records are not read."""
MISFITS = 1_000
"""Records with another number of fields than the header that are read."""


@dataclass
class ColumnValues:
    """The rejected values of a column with their numbers, and how many records have none.

    ``records``: the number of both. It is not summed from ``values``, since readers compare it for every record.
    """

    values: Counter[str] = field(default_factory=Counter)
    empty: int = 0
    records: int = 0

    def add(self, fields: Mapping[str, object], column: str) -> None:
        """Count the value in the fields of a record."""
        value = fields.get(column)
        if value is None:
            self.empty += 1
        elif isinstance(value, str):
            self.values[value] += 1
        else:
            return
        self.records += 1

    def merge(self, other: ColumnValues) -> None:
        """Add the values of other records."""
        self.values += other.values
        self.empty += other.empty
        self.records += other.records


@dataclass(frozen=True)
class Misfits:
    """Records with another number of fields than the header of their file, and the delimiter that was declared."""

    raw: Sequence[str]
    header: Sequence[str]
    delimiter: str


@dataclass(frozen=True)
class Evidence:
    """``columns``: of the most rejected ones. ``codecs``: the encodings of CSV files with the number of records that are
    not text in them. ``unknown_keys``: keys of JSON records that no column takes.
    """

    read: int
    rejected: int
    columns: Iterable[tuple[str, ColumnValues]] = ()
    misfits: Misfits | None = None
    codecs: Iterable[tuple[str, int]] = ()
    unknown_keys: Iterable[tuple[str, int]] = ()


def suggestions_for(table: Table, evidence: Evidence) -> Iterator[Suggestion]:
    """The suggestions for a table: for whole files first, then for its columns."""
    misfits = evidence.misfits
    # Another delimiter is a suggestion only if it explains why no record was accepted.
    if misfits is not None and evidence.read == evidence.rejected:
        found = suggest_delimiter(misfits.raw, misfits.header, misfits.delimiter, rejected=evidence.rejected)
        yield from [found] if found else []
    yield from (suggest_encoding(codec, count) for codec, count in evidence.codecs)
    # Other keys may be content: only those that resemble a column are suggested.
    headers = (suggest_header(key, count, table.column_names) for key, count in evidence.unknown_keys)
    yield from (header for header in headers if header is not None)
    for name, rejected in evidence.columns:
        yield from suggest(table.by_name[name], rejected.values, read=evidence.read, empty=rejected.empty)
