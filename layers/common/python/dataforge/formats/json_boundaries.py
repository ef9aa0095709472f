"""Find the lines of JSON Lines: a LF always ends a record, because JSON strings cannot contain one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dataforge.formats.csv_boundaries import Offsets
from dataforge.formats.csv_passage import Passage
from dataforge.formats.csv_stream import BufferedRecords, RawRecord
from dataforge.formats.json_lines import BLANK


def scan(data: bytes) -> tuple[dict[str, Passage], int]:
    """The passage through some bytes, as ``csv_boundaries.scan`` returns it: at a line's start (F) and inside one (U)."""
    first = data.find(b"\n") + 1 or -1
    passage = Passage("S" if data.endswith(b"\n") else "U", first, 1 if first > 0 else 0)
    return {"F": passage, "U": passage}, data.count(b"\n")


def whole_size(data: bytes) -> int:
    """The size of the whole lines at the start of ``data``."""
    return data.rfind(b"\n") + 1


def line_ends(data: bytes) -> Offsets:
    """The offset after each line."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    return ends if data.endswith(b"\n") else np.append(ends, len(data))


def line_end(data: bytes, start: int) -> int:
    """The offset after the line that begins at ``start``."""
    return data.find(b"\n", start) + 1 or len(data)


def line_blocks(records: BufferedRecords, size: int) -> Iterator[BufferedRecords]:
    """Cut whole lines into blocks of about ``size`` bytes."""
    data, first, line = records.data, 0, records.line
    while first < len(data):
        end = data.find(b"\n", min(first + size, len(data)) - 1) + 1 or len(data)
        yield BufferedRecords(data[first:end], records.start + first, line)
        line += data.count(b"\n", first, end)
        first = end


def raw_lines(block: BufferedRecords) -> Iterator[RawRecord]:
    """The lines of a block that are not blank; their offsets are those in the file."""
    offset = block.start
    for line, raw in enumerate(_lines(block.data), block.line):
        if raw.strip(BLANK):
            yield RawRecord(raw, offset, line, malformed=False)
        offset += len(raw)


def _lines(data: bytes) -> list[bytes]:
    """The lines with their LF. ``bytes.splitlines`` would also end a line at a CR, which is white space of JSON."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
