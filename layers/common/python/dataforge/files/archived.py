"""Classify the files in a zip archive: each belongs where it would belong if it lay beside the archive.

A top folder that all files of an archive share is left out, because programs that pack a folder add it. An archive with the
name of a table's file (``orders.zip``) is like the folder of the table (``orders/``), too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dataforge.files.names import ARCHIVE, data_stem, is_archive, is_parquet, without_compression
from dataforge.files.sources import Doubtful, Fate, FileNames, Ignored, Taken
from dataforge.formats.archives import Archive, Member

_MACOS = "__MACOSX"


@dataclass(frozen=True)
class InArchive:
    """The place of a file: the archive's path, the path in it, and the size of the text as the archive states it."""

    archive: str
    path: str
    size: int = 0


def archive_fates(names: FileNames, path: str, archive: Archive) -> Iterator[tuple[InArchive, Fate]]:
    """Each file in the archive at ``path`` with its classification; the archive itself if nothing in it can be listed."""
    if archive.fault:
        yield InArchive(path, ""), Doubtful(names.dataset.sources, archive.fault)
    elif not archive.members:
        yield InArchive(path, ""), Ignored("an archive without files")
    else:
        root = _root(names, archive)
        for member in archive.members:
            yield (
                InArchive(path, member.path, member.size),
                _readable(_fate(names, path, member.path.removeprefix(root)), member),
            )


def _root(names: FileNames, archive: Archive) -> str:
    """The top folder that all files share, with its ``/``, unless it means something: a table's folder, ``key=value``."""
    paths = [m.path for m in archive.members if not m.path.startswith(f"{_MACOS}/")]
    tops = {path.partition("/")[0] for path in paths if "/" in path}
    if len(tops) != 1 or not all("/" in path for path in paths):
        return ""
    (top,) = tops
    return "" if "=" in top or names.has_folder(top) else f"{top}/"


def _fate(names: FileNames, archive: str, path: str) -> Fate:
    if path.startswith(f"{_MACOS}/"):
        return Ignored("metadata of macOS")
    if is_archive(path):
        return Ignored("an archive inside an archive, which is not opened")
    folder, slash, name = archive.rpartition("/")
    stem = name[: -len(ARCHIVE)]
    found = names.fate(f"{folder}{slash}{path}")
    if isinstance(found, Taken):
        return found
    if names.has_folder(stem):
        inside = names.fate(f"{folder}{slash}{stem}/{path}")
        return inside if isinstance(inside, Taken) or isinstance(found, Ignored) else found
    outer = names.fate(archive)
    if isinstance(found, Ignored) and isinstance(outer, Doubtful) and data_stem(path) is not None:
        files = " or ".join(source.file for source in outer.sources)
        return Doubtful(outer.sources, f"it is in an archive whose name resembles {files}; rename either")
    return found


def _readable(fate: Fate, member: Member) -> Fate:
    """The classification, or why a file of a source cannot be read."""
    if not isinstance(fate, Taken):
        return fate
    fault = member.fault
    if is_parquet(member.path):
        fault = "Parquet in an archive is not read; unpack it"
    elif without_compression(member.path) != member.path:
        fault = "a compressed file in an archive is not read; unpack it"
    return Doubtful((fate.source,), fault) if fault else fate
