"""The files of a folder with their description: names of tables, dialects, headers, parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from dataforge.errors import DataForgeError
from discovery.described.description import DescribedTable, Description
from discovery.described.matching import best_by_name, columns_of, has_path
from discovery.folders.folder import Inventory
from discovery.folders.grouping import FoundFile, TableFiles, pattern_of
from discovery.formats.files import TextFile, Unread, open_csv, positional, records_of

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
        opened = tuple(_opened(s3, member, table, notes) for member in files.members)
        found.append(replace(files, stem=table.name, members=opened, described=table))
        notes += _missing(table, opened[0])
    notes += _without_files(description.tables, used)
    return replace(inventory, tables=tuple(found)), tuple(notes)


def _grouped(
    tables: Sequence[TableFiles], described: Sequence[DescribedTable]
) -> Iterator[tuple[TableFiles, DescribedTable | None]]:
    """The tables as the description divides the files, each with its description."""
    left = list(tables)
    for table in described:
        listed = [m for files in left for m in files.members if has_path(table, m.file.object.key)]
        pattern = pattern_of(listed, [m for files in tables for m in files.members])
        if listed and pattern is not None:
            yield TableFiles(table.name, pattern, tuple(listed)), table
            left = [rest for files in left if (rest := _without(files, listed)).members]
    for files in left:
        first = files.members[0].file
        yield files, best_by_name(described, files.stem, first.header, has_header=first.has_header)


def _without(files: TableFiles, listed: Sequence[FoundFile]) -> TableFiles:
    return replace(files, members=tuple(member for member in files.members if member not in listed))


def _opened(s3: S3Client, member: FoundFile, table: DescribedTable, notes: list[str]) -> FoundFile:
    """The file in the described dialect, with the described names if it has no header."""
    if not isinstance(member.file, TextFile):
        return member
    return replace(member, file=_reopened(s3, member.file, table, notes))


def _reopened(s3: S3Client, file: TextFile, table: DescribedTable, notes: list[str]) -> TextFile:
    wanted = len(table.columns)
    given = {**table.dialect, **_header(s3, file, table)}
    if given:
        try:
            opened = positional(open_csv(s3, file.object, given))
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


def _missing(table: DescribedTable, file: FoundFile) -> Iterator[str]:
    known = {column.name for column in columns_of(table, file.header).values()}
    if lacking := [column.name for column in table.columns if column.name not in known]:
        yield f"{table.source}: {table.name} has columns that its files lack: {', '.join(lacking[:10])}"


def _without_files(tables: Sequence[DescribedTable], used: set[tuple[str, str]]) -> Iterator[str]:
    """A note for each source; a table that another source describes as well has files."""
    found = {name.lower() for _, name in used}
    for source in dict.fromkeys(table.source for table in tables):
        names = [t.name for t in tables if t.source == source and t.name.lower() not in found]
        if names:
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            yield f"{source}: there are no files for {', '.join(names[:10])}{more}"
