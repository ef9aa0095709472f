"""Read an object's text sequentially in bounded memory, decompressed if necessary."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dataforge.errors import DamagedFile
from dataforge.formats.archives import open_member
from dataforge.formats.decoders import Decoder
from dataforge.s3.objects import Object, get, translated
from dataforge.s3.seekable import SeekableObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_SKIP = 1 << 20
_ARCHIVE_BUFFER = 4 << 20
"""The bytes of one request to an archive."""

DAMAGES = (
    *(OSError, EOFError, ValueError, NotImplementedError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)
"""The errors of decompressing damaged content."""


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
        except DAMAGES as error:
            raise _damaged(self._source, error) from None


def _damaged(source: Object, error: Exception) -> DamagedFile:
    # Python's message about gzip contains the file's first bytes.
    return DamagedFile(source.key, source.compression, str(error).partition(" (b'")[0])


@contextmanager
def open_text(s3: S3Client, source: Object, start: int = 0, end: int = 0) -> Iterator[Text]:
    """The object's text from ``start``, in bounded memory. Offsets refer to the decompressed text.

    ``end`` applies to uncompressed objects only (0: to the end), because the size of a decompressed text is unknown.
    """
    if source.archive:
        with _open_in_archive(s3, source, start) as text:
            yield text
        return
    if not source.compression:
        last = (end or source.size) - 1
        with translated(source.bucket, source.key):
            body = get(s3, source, f"bytes={start}-{last}")
        yield Text(source, body)
        body.close()
        return
    with translated(source.bucket, source.key):
        body = get(s3, source)
    yield _skipped(Text(source, decompressed(body, source.compression)), start)
    body.close()


@contextmanager
def _open_in_archive(s3: S3Client, source: Object, start: int) -> Iterator[Text]:
    archive = replace(source, key=source.stored_key, archive=None)
    stream = io.BufferedReader(SeekableObject(s3, archive), _ARCHIVE_BUFFER)
    member = source.key.removeprefix(f"{source.archive}/")
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(open_member(stream, member))
        except DAMAGES as error:
            raise _damaged(source, error) from None
        yield _skipped(Text(source, opened), start)


def _skipped(text: Text, size: int) -> Text:
    """The text without its first bytes."""
    while size > 0 and (skipped := text.read(min(size, _SKIP))):
        size -= len(skipped)
    return text


def decompressed(body: Any, compression: str) -> Any:
    """The decompressed stream of ``gzip``, ``zstd``, ``bz2`` or ``xz``. A read may return fewer bytes than requested."""
    if compression == "gzip":
        return gzip.GzipFile(fileobj=body)
    if compression in {"bz2", "xz"}:
        return Decoder(body, compression)
    # Other files are read by some steps without Arrow.
    import pyarrow as pa  # noqa: PLC0415

    return pa.CompressedInputStream(pa.PythonFile(body, mode="r"), "zstd")
