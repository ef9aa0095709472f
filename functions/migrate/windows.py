"""A stretch of a file as text, a bounded piece at a time: whole records, whatever the size of file or chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dataforge.bulk.text import open_text
from dataforge.csvfile import split_records
from dataforge.errors import RecordTooLong
from dataforge.objects import Object, read_range

AT_ONCE = 32 << 20
"""A chunk of a plain file up to this size is read in one piece: usual chunks are."""

RECORD_LIMIT = 64 << 20
"""A record cannot be longer: only one whose quote is never closed is, and nothing must hold the rest of a file in memory."""

PIECE = 8 << 20
"""What is read at a time of everything else."""


@dataclass(frozen=True)
class Window:
    """Whole records: their bytes, the offset of the first in the file's text, and its line."""

    data: bytes
    start: int
    line: int


def windows(s3: Any, file: Object, start: int, end: int, line: int) -> Iterator[Window]:
    """The records from ``start``, in line ``line``, to ``end``; of a compressed file all from ``start`` on.

    Raises ``SourceChanged``, ``DamagedFile`` or ``RecordTooLong``.
    """
    if not file.compression and end - start <= AT_ONCE:
        yield Window(read_range(s3, file, start, end), start, line)
        return
    with open_text(s3, file, start, end) as text:
        rest, last = b"", False
        while not last:
            more = text.read(PIECE)
            last = len(more) < PIECE
            data = rest + more
            ends = split_records(data, last=last).ends
            whole = data[: int(ends[-1])] if len(ends) else b""
            rest = data[len(whole) :]
            del data, more
            if whole:
                yield Window(whole, start, line)
            start, line = start + len(whole), line + whole.count(b"\n")
            if len(rest) > RECORD_LIMIT:
                raise RecordTooLong(file.key, line, RECORD_LIMIT)
