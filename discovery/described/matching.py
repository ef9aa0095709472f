"""Connect described tables with the files of a folder, and described columns with their headers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from dataforge.files.names import without_compression
from discovery.described.description import DescribedColumn, DescribedTable
from discovery.structure.words import joined, words

_PARTIAL = 0.8
"""The share of described columns that a file needs if its name only contains the table's."""
_NAMED = 0.5


def has_path(table: DescribedTable, key: str) -> bool:
    """Whether the description lists the file, compressed or not, or a pattern that matches it."""
    bare = without_compression(key)
    return any(
        fnmatchcase(name, path) or name == without_compression(path)
        for path in table.paths
        for name in (key, bare)
    )


def best_by_name(
    tables: Sequence[DescribedTable], stem: str, header: Sequence[str], *, has_header: bool
) -> DescribedTable | None:
    """The described table without paths that a file's name and header fit best."""
    scored = [
        (score, table)
        for table in tables
        if not table.paths and (score := _score(table, stem, header, has_header=has_header))
    ]
    best = max((score for score, _ in scored), default=0.0)
    first = [table for score, table in scored if score == best]
    # Two sources may describe one table; of two tables neither is chosen.
    return first[0] if len({table.name.lower() for table in first}) == 1 else None


def _score(table: DescribedTable, stem: str, header: Sequence[str], *, has_header: bool) -> float:
    name, file = joined(words(table.name)), joined(words(stem))
    same_width = float(len(header) == len(table.columns))
    share = len(columns_of(table, header)) / len(table.columns) if has_header else same_width
    if name == file and (share >= _NAMED or not has_header):
        return 2 + share
    if share < _PARTIAL:
        return 0
    return 1 + share if name in file else share * (share == 1 and has_header)


def columns_of(table: DescribedTable | None, header: Iterable[str]) -> dict[str, DescribedColumn]:
    """The described columns by the headers of the file; a header of another spelling is the same column."""
    if table is None:
        return {}
    header = tuple(header)
    exact = {column.name: column for column in table.columns}
    found = {name: exact[name] for name in header if name in exact}
    spellings = dict(_spellings(table.columns, found))
    for name in header:
        column = spellings.get(joined(words(name)))
        if name not in found and column is not None and column not in found.values():
            found[name] = column
    return found


def _spellings(
    columns: Iterable[DescribedColumn], found: Mapping[str, DescribedColumn]
) -> Iterator[tuple[str, DescribedColumn]]:
    for column in columns:
        if column.name not in found:
            yield joined(words(column.name)), column
