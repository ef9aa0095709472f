"""Read whole records of a CSV object in memory that does not depend on the size of the file or the range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dataforge.formats.csv_stream import BufferedRecords, stream_records, whole_records
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object, read_range

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


READ_AT_ONCE = 32 << 20
"""A range of an uncompressed object up to this size, in bytes, is read by one request. Most chunks are smaller."""

BUFFER = 4 << 20
"""The bytes that one read takes of other objects."""


def object_records(
    s3: S3Client,
    file: Object,
    start: int,
    end: int,
    line: int,
    whole_size: Callable[[bytes], int] = whole_records,
) -> Iterator[BufferedRecords]:
    """The records from ``start``, which is in line ``line``, to ``end``; of a compressed object, all from ``start`` on.

    ``whole_size``: as in ``stream_records``.
    Raises ``SourceChanged``, ``DamagedFile`` or ``RecordTooLong``.
    """
    if not file.compression and end - start <= READ_AT_ONCE:
        yield BufferedRecords(read_range(s3, file, start, end), start, line)
        return
    with open_text(s3, file, start, end) as text:
        yield from stream_records(text.read, file.key, start, line, buffer=BUFFER, whole_size=whole_size)
