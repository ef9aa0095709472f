"""Read an object's text sequentially in bounded memory, decompressed if necessary."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dataforge.errors import DamagedFile
from dataforge.s3.objects import Object, get, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_SKIP = 1 << 20


class Text:
    """The text of an object, read sequentially, decompressed if necessary."""

    def __init__(self, source: Object, stream: Any) -> None:
        self._source, self._stream = source, stream

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes; fewer only at the end. Raises ``DamagedFile``."""
        parts, left = [], size
        with translated(self._source.bucket, self._source.key):
            while left and (part := self._part(left)):
                parts.append(part)
                left -= len(part)
        return b"".join(parts)

    def _part(self, size: int) -> bytes:
        if not self._source.compression:
            return bytes(self._stream.read(size))
        try:
            return bytes(self._stream.read(size))
        except (OSError, EOFError, ValueError, zlib.error) as error:
            # Python's message about gzip contains the file's first bytes.
            reason = str(error).partition(" (b'")[0]
            raise DamagedFile(self._source.key, self._source.compression, reason) from None


@contextmanager
def open_text(s3: S3Client, source: Object, start: int = 0, end: int = 0) -> Iterator[Text]:
    """The object's text from ``start``, in bounded memory. Offsets refer to the decompressed text.

    ``end`` applies to uncompressed objects only (0: to the end), because the size of a decompressed text is unknown.
    """
    if not source.compression:
        last = (end or source.size) - 1
        with translated(source.bucket, source.key):
            body = get(s3, source, f"bytes={start}-{last}")
        yield Text(source, body)
        body.close()
        return
    with translated(source.bucket, source.key):
        body = get(s3, source)
    text = Text(source, decompressed(body, source.compression))
    while start > 0 and (skipped := text.read(min(start, _SKIP))):
        start -= len(skipped)
    yield text
    body.close()


def decompressed(body: Any, compression: str) -> Any:
    """The decompressed stream of ``gzip`` or ``zstd``. A read may return fewer bytes than requested."""
    if compression == "gzip":
        return gzip.GzipFile(fileobj=body)
    return pa.CompressedInputStream(pa.PythonFile(body, mode="r"), "zstd")
