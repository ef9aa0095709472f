"""Group files into tables: the parts of one table have its columns, and names that differ in a number, a date or a month."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain, takewhile

from dataforge.files.names import data_stem
from dataforge.formats.dialect import Csv
from discovery.described.description import DescribedTable
from discovery.drafts import column_name
from discovery.folders.part_names import is_certain, without_part
from discovery.folders.places import Place
from discovery.formats.file_formats import FileFormat
from discovery.formats.files import TextFile
from discovery.formats.typed_files import TypedFile

SourceFile = TextFile | TypedFile
Overlap = Callable[[Sequence["FoundFile"]], str]
"""The column whose values begin again in each of the files, which are tables of their own then; or empty."""

_SHARED_COLUMNS = 0.5
_UNMATCHED = str.maketrans(dict.fromkeys("[]*?\r\n", "?"))
"""Characters of names that mean something else in a declaration."""

_SINGLE_BYTE = ("cp125", "iso8859", "iso-8859", "latin")
"""The beginnings of names of encodings that have one byte for each character."""


@dataclass(frozen=True)
class FoundFile:
    """A file that can be read, and where it is."""

    place: Place
    file: SourceFile

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the file, and those of its folders."""
        return (*self.file.header, *self.folder_columns)

    @property
    def folder_columns(self) -> tuple[str, ...]:
        """The keys of its folders that can be the names of columns, and that the file itself does not have."""
        own = {column_name(name, ()) for name in self.file.header} if self.place.partition else set()
        names = ((key, column_name(key, ())) for key in self.place.partition if key.isidentifier())
        return tuple(key for key, name in names if key.casefold() == name and name not in own)


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, in order. ``stem``: the name that they share; ``pattern``: the name of the declaration.

    ``described``: the description of the table in a file beside them.
    """

    stem: str
    pattern: str
    members: tuple[FoundFile, ...]
    notes: tuple[str, ...] = ()
    described: DescribedTable | None = None

    @property
    def format(self) -> FileFormat:
        """The format of the files."""
        return _format([member.file for member in self.members])

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of all files."""
        return tuple(dict.fromkeys(chain.from_iterable(member.header for member in self.members)))

    @property
    def optional(self) -> frozenset[str]:
        """The columns that some files lack. Objects of JSON Lines need no key."""
        if not isinstance(self.format, Csv) or not self.format.header:
            return frozenset()
        headers = [frozenset(member.header) for member in self.members]
        return frozenset(name for name in self.header if not all(name in header for header in headers))

    @property
    def kinds(self) -> Mapping[str, frozenset[str]]:
        """The kinds of each column's values, of files whose values have types."""
        found = defaultdict[str, frozenset[str]](frozenset)
        for member in self.members:
            for name, kinds in member.file.kinds.items() if isinstance(member.file, TypedFile) else ():
                found[name] |= kinds
        return found

    def header_of(self, column: str) -> str:
        """The name of a column in files."""
        found = (m.file.headers.get(column) for m in self.members if isinstance(m.file, TypedFile))
        return next(filter(None, found), column)

    @property
    def ignored_partitions(self) -> tuple[str, ...]:
        """The keys of folders that do not become columns."""
        keys = dict.fromkeys(chain.from_iterable(member.place.partition for member in self.members))
        return tuple(key for key in keys if any(key not in member.folder_columns for member in self.members))

    @property
    def ignored(self) -> Mapping[str, str]:
        """The columns that cannot be read, with their types."""
        found = (m.file.ignored for m in self.members if isinstance(m.file, TypedFile))
        return dict(chain.from_iterable(ignored.items() for ignored in found))


def group(files: Sequence[FoundFile], overlap: Overlap) -> list[TableFiles]:
    """The files as tables. ``overlap`` decides on files whose names differ in a plain number."""
    tables: list[TableFiles] = []
    for members in _buckets(files):
        tables += _split(members, overlap)
    return _named(_with_own_stems([declared for table in tables for declared in _declared(table, files)]))


def _buckets(files: Sequence[FoundFile]) -> Iterator[list[FoundFile]]:
    """Files that may be parts of one table by their names and formats: of one folder, or of folders of one depth."""
    found: dict[tuple[int, str, str, type], list[FoundFile]] = {}
    for file in files:
        place = file.place
        key = (len(place.folders), without_part(place.stem), place.ending, type(file.file.format))
        # A file whose name is only a number has the name of its folder.
        inner = key if key[1] else (*key[:1], "/".join((*place.folders, "")), *key[2:])
        found.setdefault(inner, []).append(file)
    yield from found.values()


def _split(members: list[FoundFile], overlap: Overlap) -> Iterator[TableFiles]:
    """The tables of files with similar names: one for each set of columns, unless values show that they are several."""
    # ASCII files fit any encoding: they follow the others.
    left = sorted(members, key=lambda found: isinstance(found.file, TextFile) and found.file.is_ascii)
    while left:
        fitting = [file for file in left if file is left[0] or _fits(left[0], file)]
        left = [file for file in left if file not in fitting]
        alike = sorted(fitting, key=members.index)
        yield from _tables(_with_one_encoding(alike), overlap)


def _tables(files: list[FoundFile], overlap: Overlap) -> Iterator[TableFiles]:
    names = {file.place.stem for file in files}
    if len(files) > 1 and len(names) > 1 and not all(is_certain(name) for name in names):
        column = overlap(files)
        if column:
            note = f"Files with the same columns repeat values of {column} in other records: each is a table."
            for file in files:
                yield TableFiles(file.place.stem, "", (file,), (note,))
            return
    notes = (f"Parts: {len(files)} files with the same columns.",) if len(files) > 1 else ()
    stem = files[0].place.stem
    if len(files) > 1 or (files[0].place.folders and not without_part(stem)):
        stem = without_part(stem)
    yield TableFiles(stem, "", tuple(files), notes)


def _fits(one: FoundFile, other: FoundFile) -> bool:
    """Whether the files can be parts: of one dialect, with the same columns or most of them."""
    if _format([one.file]) != _format([other.file]) and not _differ_in_encoding(one, other):
        return False
    ours, theirs = set(one.file.header), set(other.file.header)
    if ours == theirs and one.place.partition.keys() == other.place.partition.keys():
        return True
    has_names = not isinstance(one.file, TextFile) or bool(one.file.dialect.header)
    return has_names and len(ours & theirs) > _SHARED_COLUMNS * len(ours | theirs)


def _differ_in_encoding(one: FoundFile, other: FoundFile) -> bool:
    """Whether two CSVs have the same dialect except for the encoding, and one of them is ASCII, which has any."""
    if not isinstance(one.file, TextFile) or not isinstance(other.file, TextFile):
        return False
    if not (one.file.is_ascii or other.file.is_ascii):
        return False
    return replace(one.file.dialect, encoding=other.file.dialect.encoding) == other.file.dialect


def _with_one_encoding(files: list[FoundFile]) -> list[FoundFile]:
    texts = [file.file for file in files if isinstance(file.file, TextFile)]
    encoding = next((text.dialect.encoding for text in texts if not text.is_ascii), None)
    return files if encoding is None else [_encoded(found, encoding) for found in files]


def _encoded(found: FoundFile, encoding: str) -> FoundFile:
    if not isinstance(found.file, TextFile):
        return found
    return replace(found, file=replace(found.file, dialect=replace(found.file.dialect, encoding=encoding)))


def with_encoding_of_others(files: Sequence[FoundFile]) -> list[FoundFile]:
    """The files; those in ASCII have the encoding of one byte that all others share, since later ones may be so written."""
    texts = [found.file for found in files if isinstance(found.file, TextFile)]
    encodings = {text.dialect.encoding for text in texts if not text.is_ascii}
    if len(encodings) != 1 or not (encoding := encodings.pop()).startswith(_SINGLE_BYTE):
        return list(files)
    return [
        _encoded(found, encoding)
        if isinstance(found.file, TextFile) and found.file.is_ascii and found.file.dialect.encoding == "utf-8"
        else found
        for found in files
    ]


def _format(files: Sequence[SourceFile]) -> FileFormat:
    return files[0].format


def _declared(table: TableFiles, files: Sequence[FoundFile]) -> Iterator[TableFiles]:
    """The table with the name of its files that matches no others; without such a name, a table for each file.

    A file that no name distinguishes from others has an empty one.
    """
    pattern = pattern_of(table.members, files) or _in_archive(table.members)
    if pattern or len(table.members) == 1:
        yield replace(table, pattern=pattern)
        return
    note = "No pattern matches the parts of this table only: each file is a separate table."
    for member in table.members:
        alone = TableFiles(member.place.stem, "", (member,), (note,))
        yield from _declared(alone, files)


def _in_archive(members: Sequence[FoundFile]) -> str:
    """The path that all of these files have if their archive is a folder; or empty."""
    places = [member.place for member in members]
    paths = {replace(p, folders=p.in_archive).path.translate(_UNMATCHED) for p in places if p.in_archive}
    return paths.pop() if len(paths) == 1 and all(p.in_archive for p in places) else ""


def pattern_of(members: Sequence[FoundFile], files: Sequence[FoundFile]) -> str | None:
    """A name or a pattern that matches these files and no other; None if no pattern does."""
    own = sorted({member.place.path.translate(_UNMATCHED) for member in members})
    keys = {member.place.object.key for member in members}
    others = {file.place.path for file in files if file.place.object.key not in keys}
    if len({path.count("/") for path in own}) != 1:
        return None
    return next((p for p in _patterns(own) if not any(_matches(p, path) for path in others)), None)


def _with_own_stems(tables: list[TableFiles]) -> list[TableFiles]:
    """The tables with patterns for files whose names differ in the extension only: a name stands for all of them."""
    stems = Counter(data_stem(table.pattern) for table in tables)
    return [
        replace(table, pattern=f"{table.pattern[:-1]}?")
        if stems[data_stem(table.pattern)] > 1 and data_stem(table.pattern)
        else table
        for table in tables
    ]


def _matches(pattern: str, path: str) -> bool:
    names, patterns = path.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(map(fnmatchcase, names, patterns))


def _patterns(paths: Sequence[str]) -> Iterator[str]:
    """Names that match all paths, the plainest first."""
    if len(paths) == 1:
        yield paths[0]
        return
    columns = list(zip(*(path.split("/") for path in paths), strict=True))
    *folders, names = [sorted(set(column)) for column in columns]
    outer = ["*" if len(folder) > 1 else folder[0] for folder in folders]
    for one in (_starred, _questioned):
        yield "/".join((*outer, one(names)))


def _starred(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    start = "".join(_common(names))
    end = "".join(_common([name[len(start) :][::-1] for name in names]))[::-1]
    # Further parts need not have a digit that all present ones share.
    return f"{start.rstrip('0123456789') or start}*{end.lstrip('0123456789') or end}"


def _common(sequences: Sequence[Sequence[str]]) -> list[str]:
    """The items with which all sequences begin."""
    together = takewhile(lambda items: len(set(items)) == 1, zip(*sequences, strict=False))
    return [items[0] for items in together]


def _questioned(names: Sequence[str]) -> str:
    """The names with a question mark for each character that differs, if they are equally long."""
    if len({len(name) for name in names}) > 1:
        return _starred(names)
    return "".join(chars[0] if len(set(chars)) == 1 else "?" for chars in zip(*names, strict=True))


def _named(tables: list[TableFiles]) -> list[TableFiles]:
    """The tables with the names of their folders where their own are missing or the same."""
    named = [table if table.stem else replace(table, stem=_folder(table) or "records") for table in tables]
    times = defaultdict[str, int](int)
    for table in named:
        times[table.stem.casefold()] += 1
    return [
        replace(table, stem=f"{folder} {table.stem}")
        if times[table.stem.casefold()] > 1 and (folder := _folder(table)) not in {"", table.stem}
        else table
        for table in named
    ]


def _folder(table: TableFiles) -> str:
    """The innermost folder with a name that all files share, or the name of their archive; or empty."""
    folders = {member.place.folders for member in table.members}
    shared = _common(list(folders))
    archives = {member.place.object.archive or "" for member in table.members}
    archive = archives.pop().rpartition("/")[2].rpartition(".")[0] if len(archives) == 1 else ""
    return next(filter(None, map(_plain, reversed(shared))), _plain(archive))


def _plain(folder: str) -> str:
    """The name of a folder without a date."""
    return without_part(folder) if is_certain(folder) else folder
