"""Headers that differ from the names of columns in case only, so that the module declares it once (``ignore_case``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dataforge import Csv
from discovery.drafts import ColumnDraft, TableDraft

_FEWEST = 3


def with_ignored_case(tables: Sequence[TableDraft]) -> list[TableDraft]:
    """The tables; if most headers are the names of their columns in another case, all files are declared to ignore it."""
    files = [table for table in tables if _has_header(table)]
    headers = [column for table in files for column in table.columns]
    differing = sum(column.header != column.name and is_same(column) for column in headers)
    useful = differing >= _FEWEST and 2 * differing >= len(headers)
    if not useful or not all(map(_is_possible, files)):
        return list(tables)
    return [_ignoring(table) for table in tables]


def is_same(column: ColumnDraft) -> bool:
    """Whether the header is the column's name in some case."""
    return column.header.casefold() == column.name.casefold()


def _has_header(table: TableDraft) -> bool:
    return isinstance(table.format, Csv) and table.format.header > 0


def _is_possible(table: TableDraft) -> bool:
    """Whether no two headers are equal in another case."""
    return len({column.header.casefold() for column in table.columns}) == len(table.columns)


def _ignoring(table: TableDraft) -> TableDraft:
    if isinstance(table.format, Csv):
        return replace(table, format=replace(table.format, ignore_case=True))
    return table
