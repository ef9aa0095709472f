"""Read zip archives: their files, and the text of one of them."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from dataforge.s3.objects import Object
from dataforge.s3.seekable import SeekableObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_MEMBERS = 10_000
_DIRECTORY_BYTES = 64 << 20
_DIRECTORY_BUFFER = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_ENCRYPTED, _PATCHED, _UTF8 = 0x41, 0x20, 0x800
"""Bits of a member's flags."""
_ERRORS = (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, zlib.error)


@dataclass(frozen=True)
class Member:
    """A file in an archive. ``size``: of its text, as the archive states it. ``fault``: why it cannot be read, or empty."""

    path: str
    size: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Archive:
    """The files of an archive. ``fault``: why the archive cannot be read, or empty."""

    members: tuple[Member, ...] = ()
    fault: str = ""


class _Bounded:
    """A stream from which no more than ``_DIRECTORY_BYTES`` are read at a time: an archive states its directory's size."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its directory has more than {_DIRECTORY_BYTES >> 20} MiB")
        return bytes(self._stream.read(size))


def stored_archive(s3: S3Client, file: Object) -> Archive:
    """The files of an archive in S3, whose directory is read by ranges."""
    return read_archive(io.BufferedReader(SeekableObject(s3, file), _DIRECTORY_BUFFER))


def read_archive(stream: IO[bytes]) -> Archive:
    """The files that the directory of the archive lists. Raises the errors of reading the stream."""
    try:
        with zipfile.ZipFile(_Bounded(stream)) as archive:
            infos = list(_files(archive))
    except _ERRORS as error:
        return Archive(fault=f"it is not a readable zip archive ({error})")
    if len(infos) > MOST_MEMBERS:
        return Archive(fault=f"it has {len(infos):,} files, and at most {MOST_MEMBERS:,} are read; divide it")
    times = Counter(path for path, _ in infos)
    members = (Member(path, info.file_size, _fault(info, times[path])) for path, info in infos)
    return Archive(tuple({member.path: member for member in members}.values()))


@contextmanager
def open_member(stream: Any, path: str) -> Iterator[IO[bytes]]:
    """The text of a file of the archive, decompressed as it is read. Raises ``zipfile.BadZipFile``."""
    with zipfile.ZipFile(_Bounded(stream)) as archive:
        info = next((info for found, info in _files(archive) if found == path), None)
        if info is None:
            raise zipfile.BadZipFile("the archive has no such file")
        with archive.open(info) as member:
            yield member


def _files(archive: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    for info in archive.infolist():
        path = _path(info)
        if not path.endswith("/"):
            yield path, info


def _path(info: zipfile.ZipInfo) -> str:
    """The path, with ``/`` between folders. Some programs write UTF-8 and do not set its flag."""
    path = info.filename
    if not path.isascii() and not info.flag_bits & _UTF8:
        try:
            path = path.encode("cp437").decode()
        except UnicodeError:
            path = info.filename
    return path.replace("\\", "/")


def _fault(info: zipfile.ZipInfo, times: int) -> str:
    if times > 1:
        return f"the archive has {times} files of this name"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted; unpack the archive"
    if info.compress_type not in _METHODS or info.flag_bits & _PATCHED:
        return f"its compression is not read (method {info.compress_type}); pack it with Deflate, or unpack the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a symbolic link"
    return ""
