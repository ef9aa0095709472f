"""A stretch of an object as text, a bounded piece at a time: whole records, whatever the size of file or chunk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.formats.csv_stream import Window, read_windows
from dataforge.formats.text_stream import open_text
from dataforge.s3.objects import Object, read_range

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


AT_ONCE = 32 << 20
"""A chunk of a plain file up to this size is read in one piece: usual chunks are."""

PIECE = 8 << 20
"""What is read at a time of everything else."""


def windows(s3: S3Client, file: Object, start: int, end: int, line: int) -> Iterator[Window]:
    """The records from ``start``, in line ``line``, to ``end``; of a compressed file all from ``start`` on.

    Raises ``SourceChanged``, ``DamagedFile`` or ``RecordTooLong``.
    """
    if not file.compression and end - start <= AT_ONCE:
        yield Window(read_range(s3, file, start, end), start, line)
        return
    with open_text(s3, file, start, end) as text:
        yield from read_windows(text.read, file.key, start, line, piece=PIECE)
