"""Find copies of files: the same content under another name would double the rows of a table without a key."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.formats.text_stream import open_text
from discovery.folders.grouping import FoundFile
from discovery.folders.part_names import is_certain, without_part
from discovery.formats.files import TextFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WORD = "(?:copy|kopie|copie|copia|cópia|duplicate)"
_COPY = re.compile(
    rf"^{_WORD}(?: ?\([0-9]+\))?(?: of| von| de)?[\W_]+|[\W_]+{_WORD}(?:[\W_]*[0-9]+)?\W*$|\s*\([0-9]+\)$",
    re.IGNORECASE,
)
"""The words that programs add to the name of a copy."""
_HEAD = 1 << 16
_PIECE = 1 << 20
_SMALL = 1 << 10
"""Parts of a table may have the same few records; larger ones do not by chance."""

Files = list[FoundFile]


@dataclass(frozen=True)
class Copies:
    """``kept``: the files without copies. ``unread``: the copies with the reason. ``notes``: what only resembles one."""

    kept: tuple[FoundFile, ...]
    unread: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def without_copies(s3: S3Client, files: Sequence[FoundFile]) -> Copies:
    """The files without those that repeat another one. Raises the errors of reading them."""
    unread: dict[str, str] = {}
    notes: list[str] = []
    for same in _same_content(s3, files):
        first, *others = sorted(same, key=_by_origin)
        for other in others:
            if _is_copy(first, other):
                unread[_key(other)] = f"it has the content of {_key(first)}, whose records are loaded once"
            elif _table(first) != _table(other):
                notes.append(
                    f"{_key(other)} has the content of {_key(first)}: one of the two tables may be a copy."
                )
    kept = tuple(file for file in files if _key(file) not in unread)
    return Copies(kept, tuple(unread.items()), (*notes, *_named_as_copies(kept)))


def _named_as_copies(files: Sequence[FoundFile]) -> Iterator[str]:
    """Notes of files with other content that are named as copies: their records may be older or newer ones."""
    plain = {_name(file): file for file in files if not _COPY.search(file.place.stem)}
    for file in files:
        original = plain.get(_name(file)) if _COPY.search(file.place.stem) else None
        if original is not None:
            yield (
                f"{_key(file)} is named as a copy of {_key(original)} and has other content:"
                " ignore the file whose records are not needed."
            )


def _same_content(s3: S3Client, files: Sequence[FoundFile]) -> Iterable[Files]:
    """The groups of files with the same content, uncompressed. Only files that may have the same are read."""
    unknown = {file.place.name.casefold() for file in files if _is_packed(file)}
    of_size = _groups((f for f in files if not _is_packed(f)), lambda file: file.file.object.read_size)
    by_name = _groups(
        files, lambda file: file.place.name.casefold() in unknown and file.place.name.casefold()
    )
    for some in (*of_size, *by_name):
        for alike in _groups(some, lambda file: _digest(s3, file, _HEAD)):
            yield from _groups(alike, lambda file: _digest(s3, file))


def _groups(files: Iterable[FoundFile], value: Callable[[FoundFile], str | bytes | int]) -> list[Files]:
    """Groups of several files that have one value, without those that have none."""
    found = defaultdict[str | bytes | int, Files](list)
    for file in files:
        if key := value(file):
            found[key].append(file)
    return [some for some in found.values() if len(some) > 1]


def _is_packed(file: FoundFile) -> bool:
    """Whether the size of the content is not known."""
    return bool(file.file.object.compression) and not file.file.object.archive


def _digest(s3: S3Client, file: FoundFile, most: int | None = None) -> bytes:
    """The digest of the content, or of its beginning; empty for a CSV without records."""
    digest, lines, read = hashlib.sha256(), 0, 0
    with open_text(s3, file.file.object) as text:
        while (most is None or read < most) and (piece := text.read(most or _PIECE)):
            digest.update(piece)
            lines += piece.count(b"\n")
            read += len(piece)
    return b"" if isinstance(file.file, TextFile) and lines < 2 and most is None else digest.digest()


def _is_copy(first: FoundFile, other: FoundFile) -> bool:
    """Whether the second file, of the same content, is one of the same table, and no part of it with equal records."""
    if _table(first) != _table(other) or first.place.partition != other.place.partition:
        return False
    parts = [file.place for file in (first, other)]
    in_place = parts[0].folders == parts[1].folders or len(parts[0].folders) != len(parts[1].folders)
    names = {_without_copy(place.stem) for place in parts}
    may_be_part = not in_place or (len(names) > 1 and all(map(is_certain, names)))
    return not may_be_part or first.file.object.read_size >= _SMALL


def _table(file: FoundFile) -> tuple[str, type]:
    """The name of the file's table without what distinguishes parts and copies, and the format."""
    return without_part(_without_copy(file.place.stem)).casefold(), type(file.file.format)


def _name(file: FoundFile) -> str:
    return "/".join((*file.place.folders, _without_copy(file.place.stem) + file.place.ending)).casefold()


def _without_copy(stem: str) -> str:
    return _COPY.sub("", _COPY.sub("", stem)) or stem


def _by_origin(file: FoundFile) -> tuple[Hashable, ...]:
    """Files that are named as copies or are deeper, packed or longer named follow the others."""
    place = file.place
    packed = bool(file.file.object.compression)
    return _COPY.search(place.stem) is not None, len(place.folders), packed, len(place.name), _key(file)


def _key(file: FoundFile) -> str:
    return file.place.object.key
