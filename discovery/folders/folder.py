"""The files of a folder, grouped into tables, and those that are not read with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.errors import DataForgeError, Unavailable, UnusableBucket
from dataforge.files.names import is_json_lines, is_parquet
from dataforge.s3.objects import Object
from discovery.folders.copies import without_copies
from discovery.folders.grouping import FoundFile, SourceFile, TableFiles, group, with_encoding_of_others
from discovery.folders.other_headers import with_header_of_others
from discovery.folders.overlaps import overlap_of
from discovery.folders.part_names import without_part
from discovery.folders.places import Place, places_of
from discovery.folders.progress import FileProgress
from discovery.formats.files import TextFile, open_csv, positional
from discovery.formats.footers import without_footer
from discovery.formats.typed_files import TypedFile, looks_like_json, open_json, open_parquet

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TEXTS = frozenset([".csv", ".txt", ".tsv", ".tab", ".dat", ".psv", ".data", ".asc", ".ssv", ".dsv"])
_NO_TABLES = frozenset(
    [
        *(".md", ".rst", ".html", ".htm", ".xml", ".xsd", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".css"),
        *(".py", ".r", ".js", ".ts", ".sh", ".sql", ".ddl", ".ipynb", ".tex", ".bat", ".ps1", ".java", ".c"),
        *(".bak", ".old", ".orig", ".tmp", ".swp"),
    ]
)
_PROSE = frozenset(
    ["readme", "license", "licence", "copying", "notice", "changelog", "authors", "terms", "makefile"]
)
_NAMELESS = "its name cannot be declared without other files; rename it"
_REGULAR = 0.5
_VERY_REGULAR = 0.95


class _NoTable(Exception):
    """A file that is not a table's; the reason."""


@dataclass(frozen=True)
class Inventory:
    """The tables of a folder, and what is not read with the reason. ``objects``: all files as they are stored.

    ``notes``: what a person should know about the files.
    """

    tables: tuple[TableFiles, ...]
    unread: tuple[tuple[str, str], ...]
    objects: tuple[Object, ...] = ()
    notes: tuple[str, ...] = ()


def take_inventory(s3: S3Client, objects: Sequence[Object], say: Callable[[str], None]) -> Inventory:
    """Detect the format of every file and group the files into tables. ``say`` gets the progress."""
    opened: list[FoundFile] = []
    parts: dict[tuple[str, ...], TextFile] = {}
    unread: list[tuple[str, str]] = []
    places = list(places_of(s3, objects))
    progress = FileProgress(say, "Detecting formats", (place.object.size for place in places))
    for place in places:
        progress.add(place.object.key, place.object.size)
        try:
            key = *place.folders, without_part(place.stem), place.ending
            file = _open(s3, place, parts.get(key))
            opened.append(FoundFile(place, file))
            if isinstance(file, TextFile):
                parts.setdefault(key, file)
        except (Unavailable, UnusableBucket):
            raise
        except _NoTable as error:
            unread.append((place.object.key, str(error)))
        except DataForgeError as error:
            unread.append((place.object.key, f"{error.message} {error.hint}".strip()))
    copies = without_copies(s3, opened)
    unread += copies.unread
    tables = group(with_encoding_of_others(with_header_of_others(copies.kept)), overlap_of(s3))
    unread += [(table.members[0].file.object.key, _NAMELESS) for table in tables if not table.pattern]
    named = tuple(table for table in tables if table.pattern)
    return Inventory(named, tuple(unread), tuple(objects), copies.notes)


def _with_columns(file: TypedFile) -> TypedFile:
    """The file. Raises ``_NoTable`` if it has no columns."""
    if not file.header or "" in file.header:
        raise _NoTable("its records have no keys" if not file.header else "a key of its records is empty")
    return file


def _open(s3: S3Client, place: Place, like: TextFile | None) -> SourceFile:
    """The file. Raises ``_NoTable`` or an error of reading with the reason why it is not read.

    ``like``: a file with a similar name.
    """
    file = place.object
    if place.fault or not file.size:
        raise _NoTable(place.fault or "it is empty")
    if is_parquet(place.name):
        return _with_columns(open_parquet(s3, file))
    if is_json_lines(place.name) or place.ending in {".json", ".geojson"}:
        return _with_columns(open_json(s3, file, whole=True))
    if place.ending not in {".csv", ".tsv"} and place.stem.lower() in _PROSE:
        raise _NoTable("files of this name are documentation")
    if place.ending in _NO_TABLES:
        raise _NoTable(f"files that end in {place.ending} are not tables")
    if place.ending != ".csv" and looks_like_json(s3, file):
        return _with_columns(open_json(s3, file, whole=True))
    found = positional(open_csv(s3, file, {}, like))
    if not found.width:
        raise _NoTable("it has no columns")
    wanted = 0.0 if place.ending == ".csv" else _REGULAR if place.ending in _TEXTS else _VERY_REGULAR
    if found.regular < wanted or (place.ending not in _TEXTS and found.width < 2):
        raise _NoTable("its lines have no common number of fields, as those of a table have")
    return without_footer(s3, found)
