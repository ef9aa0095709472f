"""Where the files of a folder are, as a declaration names them: archives stand for their folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dataforge.files.lookalikes import is_marker
from dataforge.files.names import is_archive, without_compression
from dataforge.files.partitions import partition_of
from dataforge.formats.archives import Archive, Member, stored_archive
from dataforge.s3.objects import Object
from discovery.folders.part_names import without_part

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Place:
    """A file with its path below the folder, without ``key=value`` folders and the extension of a compression.

    ``partition``: the values of these folders. ``fault``: why the file is not read, or empty.
    """

    object: Object
    folders: tuple[str, ...]
    name: str
    partition: Mapping[str, str | None] = field(default_factory=dict)
    fault: str = ""

    @property
    def path(self) -> str:
        """The folders and the name."""
        return "/".join((*self.folders, self.name))

    @property
    def in_archive(self) -> tuple[str, ...]:
        """The folders with the name of the file's archive, which is like a folder; empty for other files."""
        if not self.object.archive:
            return ()
        *outer, name = self.object.archive.split("/")
        depth = sum(partition_of(folder) is None for folder in outer)
        return (*self.folders[:depth], PurePosixPath(name).stem, *self.folders[depth:])

    @property
    def stem(self) -> str:
        """The name without its extension."""
        return PurePosixPath(self.name).stem

    @property
    def ending(self) -> str:
        """The extension, in lower case."""
        return PurePosixPath(self.name).suffix.lower()


def places_of(s3: S3Client, objects: Sequence[Object]) -> Iterator[Place]:
    """The files, and those in zip archives."""
    for file in objects:
        if is_archive(file.key) and not is_marker(PurePosixPath(file.key).name):
            yield from _archived(file, stored_archive(s3, file))
        else:
            yield _place(file, file.key)


def _archived(file: Object, archive: Archive) -> Iterator[Place]:
    if archive.fault or not archive.members:
        yield replace(_place(file, file.key), fault=archive.fault or "it is an archive without files")
        return
    outer = file.key.rpartition("/")[0]
    root = _root(archive.members)
    for member in archive.members:
        inside = replace(file, key=f"{file.key}/{member.path}", archive=file.key, text_size=member.size)
        path = member.path.removeprefix(root)
        found = _place(inside, f"{outer}/{path}" if outer else path)
        yield replace(found, fault=member.fault or _fault(member))


def _fault(member: Member) -> str:
    if member.path.startswith("__MACOSX/"):
        return "it is metadata of macOS"
    if is_archive(member.path):
        return "it is an archive inside an archive; unpack the outer one"
    if without_compression(member.path) != member.path:
        return "it is a compressed file in an archive; unpack it"
    return "" if member.size else "it is empty"


def _root(members: Sequence[Member]) -> str:
    """The folder that all files of an archive share, unless only it names them."""
    paths = [member.path for member in members if not member.path.startswith("__MACOSX/")]
    tops = {path.partition("/")[0] if "/" in path else "" for path in paths}
    if len(tops) != 1 or "" in tops or "=" in (top := next(iter(tops))):
        return ""
    inner = [PurePosixPath(path.removeprefix(f"{top}/")) for path in paths]
    return f"{top}/" if any(without_part(path.stem) or path.parent.name for path in inner) else ""


def _place(file: Object, path: str) -> Place:
    *folders, name = path.split("/")
    pairs = [pair for folder in folders if (pair := partition_of(folder))]
    plain = tuple(folder for folder in folders if not partition_of(folder))
    return Place(
        file, plain, without_compression(name), dict(pairs), _unnamed(name) if not file.archive else ""
    )


def _unnamed(name: str) -> str:
    if is_marker(name):
        return "programs write files of this name beside data"
    return "its name begins with a mark of hidden files" if name.startswith((".", "_")) else ""
