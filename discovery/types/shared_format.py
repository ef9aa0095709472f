"""The notation of values that most columns of a dataset share, so that the module declares it once (``VALUE_FORMAT``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from dataforge import Csv, Format
from discovery.drafts import ColumnDraft, TableDraft
from discovery.types.declared import Declared

_DAYS = frozenset(["date", "timestamp", "timestamptz", "time", "interval"])
_NUMBERS = frozenset(["smallint", "integer", "bigint", "numeric", "real", "double"])
_TELLING = frozenset(["date", "timestamp", "timestamptz", "numeric", "real", "double", "boolean"])
"""Types whose values show a notation; most integers are written alike in all of them."""
_GROUPS = (
    (_DAYS, ("dates", "century")),
    (_NUMBERS, ("decimal", "thousands", "symbols", "minus")),
    (frozenset(["boolean"]), ("true", "false")),
)
"""Types, and the options that apply to them."""
_STANDARD = Format()

Texts = Mapping[tuple[str, str], Sequence[str]]
"""The values of columns, by table and header."""


def part_for(kind: str, shared: Format) -> Format:
    """The part of a shared format that applies to a type: the column's own format could be this and nothing else."""
    options = [name for kinds, names in _GROUPS if kind in kinds for name in names]
    return replace(_STANDARD, **{name: getattr(shared, name) for name in options})


def shared_format(tables: Sequence[TableDraft], texts: Texts) -> Format:
    """The format that several columns have, and under which the others of their types keep the meaning of their values."""
    shared = _STANDARD
    for kinds, names in _GROUPS:
        common = _common(tables, kinds)
        if common is not None and _is_harmless(common, tables, texts, kinds):
            options: dict[str, Any] = {name: getattr(common, name) for name in names}
            shared = replace(shared, **options)
    return shared


def _common(tables: Iterable[TableDraft], kinds: frozenset[str]) -> Format | None:
    """The format of more than half of the columns of these types, if it is that of several and has no other option."""
    formats = Counter(own_format(column) for _, column in _columns(tables, kinds & _TELLING))
    for found, times in formats.most_common(1):
        is_most = 1 < times > formats.total() / 2
        if found is not None and is_most and all(part_for(kind, found) == found for kind in kinds):
            return found
    return None


def _is_harmless(common: Format, tables: Sequence[TableDraft], texts: Texts, kinds: frozenset[str]) -> bool:
    """Whether the columns that declare no format read their values the same with this one."""
    for table, column in _columns(tables, kinds):
        if own_format(column) is not None:
            continue
        values = texts.get((table.name, column.header))
        if not isinstance(table.format, Csv) or values is None:
            return False
        if not _reads_alike(column.declared, part_for(column.declared.kind, common), values):
            return False
    return True


def _reads_alike(declared: Declared, common: Format, values: Sequence[str]) -> bool:
    array = pa.array(values, pa.string())
    other = replace(declared, markers=(*declared.markers, common))
    return bool(declared.canonical(array).equals(other.canonical(array)))


def own_format(column: ColumnDraft) -> Format | None:
    """The format that the column declares."""
    return next((marker for marker in column.declared.markers if isinstance(marker, Format)), None)


def _columns(tables: Iterable[TableDraft], kinds: frozenset[str]) -> Iterator[tuple[TableDraft, ColumnDraft]]:
    for table in tables:
        yield from ((table, column) for column in table.columns if column.declared.kind in kinds)
