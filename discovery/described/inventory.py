"""The files of a folder with their description: names of tables, dialects, headers, parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import islice, takewhile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dataforge.errors import DataForgeError
from dataforge.files.names import without_compression
from discovery.described.description import DescribedTable, Description
from discovery.described.matching import best_by_name, columns_of, has_path
from discovery.files import TextFile, Unread, open_csv, records_of
from discovery.folder import Inventory, TableFiles

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def describe_files(
    s3: S3Client, inventory: Inventory, description: Description
) -> tuple[Inventory, tuple[str, ...]]:
    """The inventory with the described names, parts and dialects of files, and notes on what does not agree."""
    notes = list(description.notes)
    found: list[TableFiles] = []
    used: set[tuple[str, str]] = set()
    for files, table in _grouped(inventory.tables, description.tables):
        if table is None or (table.source, table.name) in used:
            found.append(files)
            continue
        used.add((table.source, table.name))
        opened = tuple(_opened(s3, file, table, notes) for file in files.files)
        found.append(replace(files, stem=table.name, files=opened, described=table))
        notes += _missing(table, opened[0])
    notes += _without_files(description.tables, used)
    return replace(inventory, tables=tuple(found)), tuple(notes)


def _grouped(
    tables: Sequence[TableFiles], described: Sequence[DescribedTable]
) -> Iterator[tuple[TableFiles, DescribedTable | None]]:
    """The tables as the description divides the files, each with its description."""
    left = list(tables)
    for table in described:
        listed = [f for files in left for f in files.files if has_path(table, f.object.key)]
        pattern = _pattern(listed, tables)
        if listed and pattern is not None:
            yield TableFiles(table.name, pattern, tuple(listed)), table
            left = [rest for files in left if (rest := _without(files, listed)).files]
    for files in left:
        first = files.files[0]
        yield files, best_by_name(described, files.stem, first.header, has_header=first.has_header)


def _without(files: TableFiles, listed: Sequence[TextFile]) -> TableFiles:
    return replace(files, files=tuple(file for file in files.files if file not in listed))


def _pattern(listed: Sequence[TextFile], tables: Sequence[TableFiles]) -> str | None:
    """A name or a pattern that matches these files and no other; None if no pattern does."""
    names = sorted({_name(file) for file in listed})
    if len(names) < 2:
        return names[0] if names else None
    before = _shared(names)
    behind = _shared([name[len(before) :][::-1] for name in names])[::-1]
    pattern = f"{before}*{behind}"
    others = {_name(file) for files in tables for file in files.files} - {*names}
    return None if any(fnmatchcase(name, pattern) for name in others) else pattern


def _shared(names: Sequence[str]) -> str:
    """The characters that all names begin with."""
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in same)


def _name(file: TextFile) -> str:
    return PurePosixPath(without_compression(file.object.key)).name


def _opened(s3: S3Client, file: TextFile, table: DescribedTable, notes: list[str]) -> TextFile:
    """The file in the described dialect, with the described names if it has no header."""
    wanted = len(table.columns)
    given = {**table.dialect, **_header(s3, file, table)}
    if given:
        try:
            opened = open_csv(s3, file.object, given)
        except (DataForgeError, ValueError):
            opened = file
        if opened.width == wanted or file.width != wanted:
            file = opened
        else:
            notes.append(f"{table.source}: the dialect of {table.name} does not fit {file.object.key}")
    if not file.has_header and file.width == wanted:
        return replace(file, header=tuple(column.name for column in table.columns))
    return file


def _header(s3: S3Client, file: TextFile, table: DescribedTable) -> dict[str, int]:
    """Whether the file has a header, if its detection contradicts the described names."""
    if file.width != len(table.columns) or "header" in table.dialect:
        return {}
    if file.has_header:
        return {} if columns_of(table, file.header) else {"header": 0}
    first = next(islice(records_of(s3, file), 1), None)
    if first is None or isinstance(first, Unread):
        return {}
    return {"header": 1} if len(columns_of(table, first)) > len(table.columns) / 2 else {}


def _missing(table: DescribedTable, file: TextFile) -> Iterator[str]:
    known = {column.name for column in columns_of(table, file.header).values()}
    if lacking := [column.name for column in table.columns if column.name not in known]:
        yield f"{table.source}: {table.name} has columns that its files lack: {', '.join(lacking[:10])}"


def _without_files(tables: Sequence[DescribedTable], used: set[tuple[str, str]]) -> Iterator[str]:
    for source in dict.fromkeys(table.source for table in tables):
        names = [t.name for t in tables if t.source == source and (source, t.name) not in used]
        if names:
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            yield f"{source}: there are no files for {', '.join(names[:10])}{more}"
