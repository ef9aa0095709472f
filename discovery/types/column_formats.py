"""The types and notations of a file's columns, as ``dataforge preview`` shows them: proposed from the first records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from discovery.formats.files import Unread
from discovery.types.column_types import propose_type
from discovery.types.declared import marker_source
from discovery.types.values import Values

RECORDS = 20_000
"""The records that are examined."""


@dataclass(frozen=True)
class ColumnFormat:
    """``type``: the declaration, such as ``Date, Format(dates="%d.%m.%Y")``. ``present``: the records with a value."""

    name: str
    type: str
    present: int
    nulls: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Examined:
    """The columns, and the number of records that they were proposed from and that cannot be read."""

    columns: tuple[ColumnFormat, ...]
    records: int
    unread: int


def column_formats(header: Sequence[str], records: Iterable[tuple[str | None, ...] | Unread]) -> Examined:
    """The types of the columns by the first records."""
    read = unread = 0
    counts = [Counter[str]() for _ in header]
    for record in islice(records, RECORDS):
        if isinstance(record, Unread):
            unread += 1
            continue
        read += 1
        for values, text in zip(counts, record, strict=True):
            if text:
                values[text] += 1
    columns = tuple(_column(name, values) for name, values in zip(header, counts, strict=True))
    return Examined(columns, read, unread)


def _column(name: str, counts: Counter[str]) -> ColumnFormat:
    found = counts.most_common()
    texts = tuple(text for text, _ in found)
    values = Values(
        name,
        texts,
        tuple(count for _, count in found),
        True,
        counts.total(),
        len(texts),
        max(map(len, texts), default=0),
        sum(len(text) * count for text, count in found) / max(counts.total(), 1),
    )
    declared = propose_type(values, indexed=False)
    source = declared.source.removeprefix("Annotated[")
    source = source.removesuffix("]") if source != declared.source else source
    markers = map(marker_source, declared.markers)
    present = sum(count for text, count in found if text.strip() not in declared.nulls)
    return ColumnFormat(name, ", ".join([source, *markers]), present, declared.nulls, declared.note)
