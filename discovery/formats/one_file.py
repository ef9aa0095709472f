"""Find one file by its path, also in a zip archive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dataforge.errors import SeveralFiles, UnsupportedFormat
from dataforge.files.names import is_archive
from dataforge.formats.archives import Archive, read_archive
from dataforge.s3.objects import Object
from discovery.folders.folder_store import object_of


def find_file(path: Path) -> tuple[Path, Object] | None:
    """The folder that contains the file or its archive, and the file; None if neither exists.

    A file in an archive is ``archive.zip/path``; of an archive with one file the path may be omitted.
    Raises ``UnsupportedFormat`` or ``SeveralFiles``.
    """
    if path.is_file() and not is_archive(path.name):
        return path.parent, object_of(path.parent, path.name)
    archive = next((p for p in (path, *path.parents) if p.is_file() and is_archive(p.name)), None)
    if archive is None:
        return None
    with archive.open("rb") as stream:
        listed = read_archive(stream)
    member = path.relative_to(archive).as_posix() if path != archive else _only(archive, listed)
    size = next((found.size for found in listed.members if found.path == member), None)
    if size is None:
        raise SeveralFiles(archive.name, [found.path for found in listed.members])
    stored = object_of(archive.parent, archive.name)
    return archive.parent, replace(stored, key=f"{stored.key}/{member}", archive=stored.key, text_size=size)


def _only(archive: Path, listed: Archive) -> str:
    if listed.fault:
        raise UnsupportedFormat(archive.name, listed.fault)
    if len(listed.members) == 1:
        return listed.members[0].path
    raise SeveralFiles(archive.name, [member.path for member in listed.members])
