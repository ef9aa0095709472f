"""Read a CSV sequentially as whole records, in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dataforge.errors import RecordTooLong
from dataforge.formats.csv_boundaries import EMPTY_LINES, split_records, whole_lines
from dataforge.formats.dialect import STANDARD, Csv

RECORD_LIMIT = 64 << 20
"""Maximum size of a record, because an unclosed quote would load the rest of the file into memory."""


@dataclass(frozen=True)
class BufferedRecords:
    """Whole records: their bytes, the offset of the first in the file's text, and its line."""

    data: bytes
    start: int
    line: int


@dataclass(frozen=True)
class RawRecord:
    """A record: its bytes with the line end, its offset in the data, its line, and whether it is malformed."""

    raw: bytes
    offset: int
    line: int
    malformed: bool


def whole_records(data: bytes) -> int:
    """The size of the whole lines of records with which ``data``, which begins with a record, begins."""
    return whole_lines(data, split_records(data, last=False).ends)


def whole_size_of(dialect: Csv) -> Callable[[bytes], int]:
    """The function ``whole_records`` for a file of this dialect."""
    return lambda data: whole_records(dialect.with_standard_marks(data))


def stream_records(
    read: Callable[[int], bytes],
    file: str,
    start: int = 0,
    line: int = 1,
    *,
    buffer: int,
    whole_size: Callable[[bytes], int] = whole_records,
) -> Iterator[BufferedRecords]:
    """The records of a text in order, as many at a time as a buffer of ``buffer`` bytes and one record may hold.

    ``read(size)`` returns the next bytes of the text, fewer than ``size`` only at its end. The first record begins at
    offset ``start``, in line ``line``. ``whole_size`` finds the end of the whole records in a piece that is not the last.
    Raises ``RecordTooLong`` with the ``file``'s name.
    """
    rest, last = b"", False
    while not last:
        more = read(buffer)
        last = len(more) < buffer
        data = rest + more
        whole = data if last else data[: whole_size(data)]
        rest = data[len(whole) :]
        del data, more
        if whole:
            yield BufferedRecords(whole, start, line)
        start, line = start + len(whole), line + whole.count(b"\n")
        if len(rest) > RECORD_LIMIT:
            raise RecordTooLong(file, line, RECORD_LIMIT)


def raw_records(data: bytes, line: int, dialect: Csv = STANDARD) -> Iterator[RawRecord]:
    """The records of ``data``, which begins in ``line``, without empty lines."""
    records = split_records(dialect.with_standard_marks(data), last=True)
    malformed = set(records.malformed)
    for index, (start, end) in enumerate(zip(records.starts.tolist(), records.ends.tolist(), strict=True)):
        raw = data[start:end]
        if raw not in EMPTY_LINES:
            yield RawRecord(raw, start, line, index in malformed)
        line += raw.count(b"\n")
