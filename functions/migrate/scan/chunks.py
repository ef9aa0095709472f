"""Borders of whole records in ranges that were scanned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dataforge.formats.csv_passage import Passage
from functions.migrate.run.ledger import Scan


class Chunk(NamedTuple):
    """Whole records of a file: the bytes from ``start`` to ``end``, the first of them in line ``line``."""

    number: int
    start: int
    end: int
    line: int


class Scanned(NamedTuple):
    """A range of a file that begins at ``start``, the line there if it is known, and its scan, if it exists."""

    number: int
    start: int
    line: int | None
    scan: Scan | None


def chunks_of(ranges: Sequence[Scanned], data_end: int) -> Iterator[Chunk]:
    """The chunks of a file. Bytes of a range before its first record belong to the chunk before."""
    starts = list(_starts(ranges))
    ends = [start for _, start, _ in starts[1:]] + [data_end]
    for (number, start, line), end in zip(starts, ends, strict=True):
        yield Chunk(number, start, end, line)


def _starts(ranges: Sequence[Scanned]) -> Iterator[tuple[int, int, int]]:
    """The number, first byte and line of each range in which a record begins.

    The reader's state and line are carried from range to range.
    """
    state, line = "S", ranges[0].line or 0
    for number, start, first_line, scan in ranges:
        if scan is None:
            line = first_line or 0
        passage = scan.passages["F" if state == "S" else state] if scan else Passage("S", 0, 0)
        if state == "S":
            yield number, start, line
        elif passage.first >= 0:
            yield number, start + passage.first, line + passage.lines
        state, line = passage.end, line + (scan.lines if scan else 0)
