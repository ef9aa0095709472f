"""The files of a folder, grouped into tables: files of one header whose names differ in numbers or dates are parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dataforge.errors import DataForgeError
from dataforge.files.names import without_compression
from dataforge.s3.objects import Object
from discovery.described.description import DescribedTable
from discovery.files import TextFile, open_csv
from discovery.progress import FileProgress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ENDINGS = frozenset([".csv", ".txt", ".tsv", ".tab", ".dat", ".psv", ".data"])
_PART = re.compile(r"[-_. (]*(?:part|chunk)?[-_. ]*[0-9]+(?:[-_.][0-9]+)*\)?$", re.IGNORECASE)


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, in order. ``stem``: the name that they share; ``pattern``: of the declaration.

    ``described``: the description of the table in a file beside them.
    """

    stem: str
    pattern: str
    files: tuple[TextFile, ...]
    described: DescribedTable | None = None


@dataclass(frozen=True)
class Inventory:
    """The tables of a folder, and what is not read with the reason."""

    tables: tuple[TableFiles, ...]
    unread: tuple[tuple[str, str], ...]


def take_inventory(s3: S3Client, objects: Sequence[Object], say: Callable[[str], None]) -> Inventory:
    """Detect the dialect of every file and group the files into tables. ``say`` gets the progress."""
    opened: list[TextFile] = []
    unread: list[tuple[str, str]] = []
    progress = FileProgress(say, "Detecting formats", (file.size for file in objects))
    for file in objects:
        progress.add(file.key, file.size)
        reason = _passed_over(file)
        if reason is None:
            try:
                found = open_csv(s3, file, {})
            except DataForgeError as error:
                reason = error.message
            else:
                reason = None if found.width else "it has no columns"
                if reason is None:
                    opened.append(found)
        if reason is not None:
            unread.append((file.key, reason))
    return Inventory(tuple(_tables(opened)), tuple(unread))


def _passed_over(file: Object) -> str | None:
    name = PurePosixPath(file.key).name
    if name.startswith((".", "_")):
        return "its name begins with a mark of hidden files"
    if not file.size:
        return "it is empty"
    ending = PurePosixPath(without_compression(name)).suffix.lower()
    return None if ending in _ENDINGS else f"files that end in {ending or 'no extension'} are not tables"


def _tables(files: Sequence[TextFile]) -> Iterator[TableFiles]:
    groups: dict[tuple[str, tuple[str, ...]], list[TextFile]] = {}
    for file in files:
        groups.setdefault((_PART.sub("", _stem(file)) or _stem(file), file.header), []).append(file)
    for (stem, _), members in groups.items():
        if len(members) == 1 or any(member.dialect != members[0].dialect for member in members):
            for member in members:
                yield TableFiles(_stem(member), _name(member), (member,))
            continue
        yield TableFiles(stem, _pattern(members, stem), tuple(members))


def _pattern(members: Sequence[TextFile], stem: str) -> str:
    endings = {_name(member)[len(_stem(member)) :] for member in members}
    return f"{stem}*{endings.pop()}" if len(endings) == 1 else f"{stem}*"


def _name(file: TextFile) -> str:
    return PurePosixPath(without_compression(file.object.key)).name


def _stem(file: TextFile) -> str:
    return PurePosixPath(_name(file)).stem
