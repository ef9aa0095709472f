"""A folder in place of a bucket: the reads of an S3 client, so that the readers of the migration read local files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from dataforge.s3.objects import Object
from discovery.folders.s3_folder import PrefixStore, S3Folder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Folder = Path | S3Folder
"""A folder on this machine, or a prefix of a bucket."""

_RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


class FolderStore:
    """The objects of every bucket are the files of one folder; a key is a path in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get_object(self, **call: Any) -> dict[str, Any]:
        """A file's content, or the range that is requested. Fails as S3 does if the file was changed or removed."""
        path = self.folder / call["Key"]
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            raise _failure("NoSuchKey", HTTPStatus.NOT_FOUND) from None
        if "IfMatch" in call and call["IfMatch"] != _version(path):
            stream.close()
            raise _failure("PreconditionFailed", HTTPStatus.PRECONDITION_FAILED)
        match = _RANGE.fullmatch(call.get("Range", "bytes=0-"))
        start, end = (int(match[1]), match[2]) if match else (0, "")
        stream.seek(start)
        return {"Body": _Body(stream, int(end) - start + 1 if end else None)}


class _Body:
    """A part of an open file, as the body of S3's answer."""

    def __init__(self, stream: IO[bytes], left: int | None) -> None:
        self._stream, self._left = stream, left

    def read(self, size: int | None = None) -> bytes:
        """The next bytes, at most ``size``."""
        if self._stream.closed:
            return b""
        limit = -1 if size is None or size < 0 else size
        if self._left is not None:
            limit = self._left if limit < 0 else min(limit, self._left)
        data = self._stream.read(limit)
        if self._left is not None:
            self._left -= len(data)
        if size is None or size < 0 or self._left == 0:
            self._stream.close()
        return data

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __del__(self) -> None:
        # As S3's answers, a body may be dropped half read.
        self._stream.close()

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._stream.closed

    def readable(self) -> bool:
        """As every stream of Python that can be read."""
        return True


def store_of(folder: Folder) -> S3Client:
    """The folder as the S3 client that readers take. It has the reads only."""
    return cast("S3Client", FolderStore(folder) if isinstance(folder, Path) else PrefixStore(folder))


def name_of(folder: Folder) -> str:
    """The name of the folder, without those that contain it."""
    return folder.resolve().name if isinstance(folder, Path) else folder.name


def objects_of(folder: Folder) -> Iterator[Object]:
    """All files of a folder and its subfolders as objects, sorted. Raises the errors of reading a prefix."""
    if not isinstance(folder, Path):
        yield from folder.objects()
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield object_of(folder, path.relative_to(folder).as_posix())


def unlisted(folder: Folder) -> dict[str, str]:
    """The entries of a folder that are not listed as files, with the reasons: links, pipes, folders without rights."""
    if not isinstance(folder, Path):
        return {}
    found: dict[str, str] = {}

    def refuse(error: OSError) -> None:
        found[_key(folder, error.filename)] = f"it cannot be read: {error.strerror}"

    for parent, folders, names in os.walk(folder, onerror=refuse):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        found |= {_key(folder, parent, name): "it is a link to a folder" for name in links}
        others = [name for name in names if not Path(parent, name).is_file()]
        found |= {_key(folder, parent, name): _other(Path(parent, name)) for name in others}
    return dict(sorted(found.items()))


def _key(folder: Path, *parts: str) -> str:
    return Path(*parts).relative_to(folder).as_posix()


def _other(path: Path) -> str:
    return "it is a link without a target" if path.is_symlink() else "it is not a regular file"


def object_of(folder: Path, key: str) -> Object:
    """One file as an object."""
    path = folder / key
    return Object("", key, _version(path), path.stat().st_size)


def _version(path: Path) -> str:
    found = path.stat()
    return f"{found.st_mtime_ns}-{found.st_size}"


def _failure(code: str, status: HTTPStatus) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": int(status)}}
    return ClientError(answer, "GetObject")  # type: ignore[arg-type]
