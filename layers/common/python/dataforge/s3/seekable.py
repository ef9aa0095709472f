"""Read an object by ranges as a seekable file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from dataforge.s3.objects import Object, read_range

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class SeekableObject(io.RawIOBase):
    """An object as a seekable file. Each read is one request."""

    def __init__(self, s3: S3Client, source: Object) -> None:
        self._s3, self._source, self._at = s3, source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = read_range(self._s3, self._source, self._at, min(self._at + len(buffer), self._source.size))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
