"""Split a CSV in memory into blocks of whole records, and read the regular ones as columns of texts with Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dataforge.formats.csv_boundaries import Offsets, Records, pieces
from dataforge.formats.csv_columns import read_dialect_texts, read_texts
from dataforge.formats.csv_records import suspects
from dataforge.formats.dialect import STANDARD, Csv
from dataforge.formats.headers import Headers
from dataforge.records.violation import Violation

FolderValues = Mapping[str, str | None]

_CR, _COMMA, _LF, _QUOTE = b'\r,\n"'


def with_folder_values(
    record: Mapping[str, Any] | list[Violation], values: FolderValues | None
) -> Mapping[str, Any] | list[Violation]:
    """The record with the columns that its file's folder names define, or its violations."""
    if isinstance(record, list) or not values:
        return record
    return {**record, **{name: value for name, value in values.items() if value}}


@dataclass(frozen=True)
class Block:
    """Some records of a file: their bytes, their offsets, and the position of the first byte.

    ``marked``: the data with the marks of RFC 4180 (``Csv.with_standard_marks``). ``folder_values``: further columns, with
    the value of every record of the file. ``names``: the headers of ``header``, if others.
    """

    data: bytes
    marked: bytes
    records: Records
    header: tuple[str, ...]
    position: int
    folder_values: FolderValues = field(default_factory=dict)
    names: Headers | None = None
    dialect: Csv = STANDARD

    def raw(self, index: int) -> bytes:
        """A record's bytes."""
        return self.data[int(self.records.starts[index]) : int(self.records.ends[index])]


def blocks(
    data: bytes,
    header: tuple[str, ...],
    position: int,
    size: int,
    folder_values: FolderValues | None = None,
    names: Headers | None = None,
    dialect: Csv = STANDARD,
) -> Iterator[Block]:
    """Cut a chunk, which is whole records, into blocks of about ``size`` bytes."""
    marked = dialect.with_standard_marks(data)
    for offset, part_marked, part in pieces(marked, size):
        for start, end, records in _parts(part, size):
            piece = part_marked[start:end]
            raw = piece if marked is data else data[offset + start : offset + end]
            at = position + offset + start
            yield Block(raw, piece, records, header, at, folder_values or {}, names, dialect)


def _parts(records: Records, size: int) -> Iterator[tuple[int, int, Records]]:
    """Cut a piece into parts of about ``size`` bytes, between any two records."""
    ends, malformed = records.ends, np.array(records.malformed, np.int64)
    first = 0
    while first < len(ends):
        start = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, start + size, side="right")), first + 1)
        inside = malformed[(malformed >= first) & (malformed < last)] - first
        yield start, int(ends[last - 1]), Records(ends[first:last] - start, inside.tolist())
        first = last


def present_records(block: Block) -> NDArray[np.bool_]:
    """Mask of the records that are not an empty line."""
    starts, ends = block.records.starts, block.records.ends
    data = np.frombuffer(block.data, np.uint8)
    length = ends - starts
    first = data[starts] if len(starts) else data[:0]
    blank = (first == _LF) & (length == 1) | (first == _CR) & (
        (length == 1) | (length == 2) & (data[ends - 1] == _LF)
    )
    return np.asarray(~blank)


def regular_records(block: Block) -> NDArray[np.bool_]:
    """Mask of the records that Arrow's reader parses exactly as ``read_record`` does."""
    starts, ends = block.records.starts, block.records.ends
    data = np.frombuffer(block.marked, np.uint8)
    regular = np.ones(len(ends), np.bool_)
    regular[block.records.malformed] = False
    regular &= ~suspects(block.data, block.records, block.header, block.names, block.dialect)
    quotes = np.flatnonzero(data == _QUOTE)
    commas = _outside(np.flatnonzero(data == _COMMA), quotes, block.records)
    counts = np.diff(np.searchsorted(commas, np.append(starts, ends[-1:])))
    regular &= counts == len(block.header) - 1
    returns = np.flatnonzero(data == _CR)
    if len(returns):
        lone = returns[data[np.minimum(returns + 1, len(data) - 1)] != _LF]
        regular[np.searchsorted(ends, lone, side="right")] = False
        if len(returns) and returns[-1] == len(data) - 1:
            regular[-1] = False
    if not block.data.isascii():
        regular &= decodable(block.data, starts, ends, block.dialect.codec)
    return regular


def _outside(commas: Offsets, quotes: Offsets, records: Records) -> Offsets:
    """The commas outside quotes in each record. Malformed records, which change the parity, are counted separately."""
    if not len(quotes):
        return commas
    quoted = np.unique(np.searchsorted(records.ends, quotes, side="right"))
    starts, ends = records.starts[quoted], records.ends[quoted]
    first, counts = np.searchsorted(commas, starts), np.searchsorted(commas, ends)
    counts -= first
    # The indices of the commas of these records, which are few in most files.
    of_quoted = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    before = np.repeat(np.searchsorted(quotes, starts), counts)
    inside = (np.searchsorted(quotes, commas[of_quoted]) - before) % 2 == 1
    return np.delete(commas, of_quoted[inside])


_DECODED = 1 << 16


def decodable(data: bytes, starts: Offsets, ends: Offsets, codec: str) -> NDArray[np.bool_]:
    """Mask of the records that are text. No character contains a line feed."""
    good = np.ones(len(ends), np.bool_)
    first = 0
    while first < len(ends):
        last = max(int(np.searchsorted(ends, starts[first] + _DECODED, side="right")), first + 1)
        while first < last:
            try:
                data[int(starts[first]) : int(ends[last - 1])].decode(codec)
            except UnicodeDecodeError as error:
                first += int(np.searchsorted(ends[first:last], starts[first] + error.start, side="right"))
                good[first] = False
                first += 1
            else:
                first = last
    return good


def read_columns(block: Block, regular: NDArray[np.int64]) -> pa.Table | None:
    """The regular records as columns of strings; null: NULL. None if only the row model can read them."""
    data = block.data
    if len(regular) != len(block.records.ends):
        data = _without_others(block, regular)
    if not block.dialect.has_standard_fields:
        return read_dialect_texts(data, block.header, block.dialect)
    return read_texts(data, block.header, quoted_is_null=True, check_utf8=False)


def _without_others(block: Block, wanted: NDArray[np.int64]) -> bytes:
    """The bytes of these records, in ascending order; neighbours are copied together."""
    breaks = np.flatnonzero(np.diff(wanted) != 1)
    starts = block.records.starts[wanted[np.append(0, breaks + 1)]]
    ends = block.records.ends[wanted[np.append(breaks, len(wanted) - 1)]]
    return b"".join(block.data[s:e] for s, e in zip(starts.tolist(), ends.tolist(), strict=True))
