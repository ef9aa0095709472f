"""A block of a CSV to what COPY takes, its hash, and its rejections.

A block is a run of whole records in memory, at most some megabytes. The regular ones go through Arrow by columns; a record
that is malformed, not UTF-8 or of the wrong length, and every row that Arrow's pass is not sure of, goes through
``dataforge.rows.process``.
"""

from __future__ import annotations

import codecs
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from dataforge.bulk.canonical import CanonicalColumn, Fault, canonical
from dataforge.bulk.digests import digests as row_digests
from dataforge.bulk.digests import hash_total, text_bytes
from dataforge.catalogue import Table
from dataforge.csvfile import Offsets, Records, parse_fields, split_records
from dataforge.rows import Cleanings, Texts, Violation, copy_line, process, row_text

_CR, _COMMA, _LF, _QUOTE = b'\r,\n"'

_SHAPE = {
    "csv_quote": "The record has a quote inside an unquoted field, or text after a closing quote",
    "string_unicode": "The record is not valid UTF-8",
}


@dataclass(frozen=True)
class Rejected:
    """A record that is no row: its offset in the block, its raw bytes, every violation."""

    offset: int
    raw: bytes
    violations: list[Violation]


@dataclass
class Batch:
    """What came out of some records for one table.

    ``lines``: COPY CSV lines, the columns in catalogue order and the record's position last. ``hash_total``: the sum of
    the row hashes of these lines (modulo 2**64). ``read = rows + deduplicated + len(rejected)``.
    """

    read: int = 0
    rows: int = 0
    deduplicated: int = 0
    hash_total: int = 0
    lines: list[bytes] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    cleanings: Cleanings = field(default_factory=Counter)


@dataclass(frozen=True)
class Block:
    """Some records of a file: their bytes, where they are, and the position of the first byte."""

    data: bytes
    records: Records
    header: tuple[str, ...]
    position: int

    def raw(self, index: int) -> bytes:
        """A record's bytes."""
        return self.data[int(self.records.starts[index]) : int(self.records.ends[index])]


class TableBatcher:
    """Turns blocks of one table's file into batches; remembers rows of a keyless table, to load each only once.

    But not where rows may turn out to be orphans: the first in the file is rejected then, and here it need not come first.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._dedupes = table.keyed_by_row and not table.foreign_keys
        self._seen: set[bytes] = set()
        self._known: dict[tuple[Fault, ...], list[Violation]] = {}

    def batch(self, block: Block) -> Batch:
        """The block's batch. Nothing is lost: every record that is not blank is counted in ``read``."""
        starts, ends = block.records.starts, block.records.ends
        present = _present(block, starts, ends)
        regular = _regular(block, starts, ends, len(block.header)) & present
        batch = Batch(read=int(present.sum()))
        doubtful = present & ~regular
        if regular.any():
            doubtful[self._columns(block, np.flatnonzero(regular), batch)] = True
        self._records(block, np.flatnonzero(doubtful), batch)
        return batch

    def _columns(self, block: Block, regular: NDArray[np.int64], batch: Batch) -> NDArray[np.int64]:
        """Take the regular records by columns; returns which are left to the model."""
        raw = _read_csv(block, regular)
        if raw is None or raw.num_rows != len(regular) or not self.table.columns_are_independent:
            return regular
        texts = {name: raw.column(name).combine_chunks() for name in self.table.column_names}
        columns = self._canonical(texts, has_nul=b"\0" in block.data)
        bad = self._good(batch, columns, block.records.starts[regular] + block.position)
        return self._bad(block, regular, np.flatnonzero(bad), columns, batch)

    def _bad(
        self,
        block: Block,
        regular: NDArray[np.int64],
        bad: NDArray[np.int64],
        columns: list[CanonicalColumn],
        batch: Batch,
    ) -> NDArray[np.int64]:
        """Reject the records whose faults are known; returns the others, to be asked about.

        Columns are independent, so what the model says of a record follows from what is wrong with its values.
        """
        faults = list(zip(*(column.faults(bad) for column in columns), strict=True))
        known = np.zeros(len(bad), np.bool_)
        for place, (index, fault) in enumerate(zip(regular[bad].tolist(), faults, strict=True)):
            violations = self._known.get(fault)
            if violations is None:
                verdict = judge_record(self.table, block.header, block.raw(index), False, Counter())
                if not isinstance(verdict, list):
                    continue
                violations = self._known[fault] = verdict
            known[place] = True
            batch.rejected.append(Rejected(int(block.records.starts[index]), block.raw(index), violations))
        for name, column in zip(self.table.column_names, columns, strict=True):
            column.count(name, bad[known], batch.cleanings)
        return regular[bad[~known]]

    def add_columns(
        self, batch: Batch, texts: Mapping[str, pa.Array], positions: Offsets, *, has_nul: bool
    ) -> NDArray[np.bool_]:
        """Add the rows that are certainly good, given by columns; returns which are left to the model."""
        if not self.table.columns_are_independent:
            return np.ones(len(positions), np.bool_)
        return self._good(batch, self._canonical(texts, has_nul=has_nul), positions)

    def _canonical(self, texts: Mapping[str, pa.Array], *, has_nul: bool) -> list[CanonicalColumn]:
        return [canonical(column, texts[column.name], has_nul) for column in self.table.columns]

    def _good(self, batch: Batch, columns: list[CanonicalColumn], positions: Offsets) -> NDArray[np.bool_]:
        """Add the rows without a fault; returns the others."""
        masks = [mask for column in columns if (mask := column.bad()) is not None]
        bad = reduce(np.logical_or, masks, np.zeros(len(positions), np.bool_))
        for name, column in zip(self.table.column_names, columns, strict=True):
            column.count(name, ~bad, batch.cleanings)
        quoted = [c.quoted for c in columns]
        if bad.any():
            keep = pa.array(~bad)
            quoted, positions = [q.filter(keep) for q in quoted], positions[~bad]
        body = pc.binary_join_element_wise(*quoted, ",", null_handling="replace", null_replacement="")
        self._add(batch, body, positions)
        return bad

    def _add(self, batch: Batch, body: pa.Array, positions: Offsets) -> None:
        """Add rows, given as the insides of their row texts."""
        if self._dedupes:
            body, positions = self._once(batch, body, positions)
        digests = row_digests(body)
        if self._dedupes:
            new = np.array([d not in self._seen for d in digests], np.bool_)
            self._seen.update(digests)
            if not new.all():
                batch.deduplicated += int((~new).sum())
                body, positions = body.filter(pa.array(new)), positions[new]
                digests = [d for d, is_new in zip(digests, new.tolist(), strict=True) if is_new]
        batch.rows += len(digests)
        batch.hash_total = (batch.hash_total + hash_total(digests)) % 2**64
        if pc.any(pc.match_substring(body, "\\"), min_count=0).as_py():
            body = pc.replace_substring(body, "\\\\", "\\")
        source = pc.cast(pa.array(positions), pa.string())
        lines = pc.binary_join_element_wise(pc.binary_join_element_wise(body, source, ","), "", "\n")
        batch.lines.append(text_bytes(lines))

    def _once(self, batch: Batch, body: pa.Array, positions: Offsets) -> tuple[pa.Array, Offsets]:
        """The distinct rows of a block, each at its first position: hashing repeated ones would be wasted."""
        encoded = body.dictionary_encode()
        indices = encoded.indices.to_numpy()
        first = np.empty(len(encoded.dictionary), np.int64)
        first[indices[::-1]] = np.arange(len(indices) - 1, -1, -1)
        batch.deduplicated += len(indices) - len(first)
        return encoded.dictionary, positions[first]

    def _records(self, block: Block, indices: NDArray[np.int64], batch: Batch) -> None:
        """Take records one by one, through the row model."""
        malformed = set(block.records.malformed)
        for index in indices.tolist():
            start, raw = int(block.records.starts[index]), block.raw(index)
            verdict = judge_record(self.table, block.header, raw, index in malformed, batch.cleanings)
            if isinstance(verdict, list):
                batch.rejected.append(Rejected(start, raw, verdict))
            else:
                self.add_row(batch, verdict, start + block.position)

    def add_row(self, batch: Batch, texts: Texts, position: int) -> None:
        """Add one row, unless the table is keyless and has it already."""
        digest = hashlib.md5(row_text(texts).encode(), usedforsecurity=False).digest()
        if self._dedupes:
            if digest in self._seen:
                batch.deduplicated += 1
                return
            self._seen.add(digest)
        batch.rows += 1
        batch.hash_total = (batch.hash_total + hash_total([digest])) % 2**64
        batch.lines.append(f"{copy_line(texts)},{position}\n".encode())


def judge_record(
    table: Table, header: tuple[str, ...], raw: bytes, malformed: bool, cleanings: Cleanings
) -> Texts | list[Violation]:
    """The verdict on one raw record of a table's own file."""
    record = read_record(header, raw, malformed)
    return record if isinstance(record, list) else process(table, record, cleanings)


def read_record(header: tuple[str, ...], raw: bytes, malformed: bool) -> Mapping[str, str] | list[Violation]:
    """The record's fields by column, empty ones left out; or what is wrong with its shape."""
    fields = None if malformed else parse_fields(raw)
    if fields is None:
        return [Violation("csv_quote", _SHAPE["csv_quote"])]
    if len(fields) != len(header):
        return [Violation("field_count", f"The record has {len(fields)} fields, the header {len(header)}")]
    try:
        texts = [f.decode() for f in fields]
    except UnicodeDecodeError:
        return [Violation("string_unicode", _SHAPE["string_unicode"])]
    return {name: text for name, text in zip(header, texts, strict=True) if text}


def blocks(data: bytes, header: tuple[str, ...], position: int, size: int) -> Iterator[Block]:
    """Cut a chunk, which is whole records, into blocks of about ``size`` bytes."""
    records = split_records(data, last=True)
    ends, malformed = records.ends, np.array(records.malformed, np.int64)
    first = 0
    while first < len(ends):
        start = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, start + size, side="right")), first + 1)
        inside = malformed[(malformed >= first) & (malformed < last)] - first
        part = Records(ends[first:last] - start, inside.tolist())
        yield Block(data[start : int(ends[last - 1])], part, header, position + start)
        first = last


def _present(block: Block, starts: Offsets, ends: Offsets) -> NDArray[np.bool_]:
    """Records that are not an empty line."""
    data = np.frombuffer(block.data, np.uint8)
    length = ends - starts
    first = data[starts] if len(starts) else data[:0]
    blank = (first == _LF) & (length == 1) | (first == _CR) & (
        (length == 1) | (length == 2) & (data[ends - 1] == _LF)
    )
    return np.asarray(~blank)


def _regular(block: Block, starts: Offsets, ends: Offsets, width: int) -> NDArray[np.bool_]:
    """Records that Arrow's reader takes exactly as RFC 4180 does."""
    data = np.frombuffer(block.data, np.uint8)
    regular = np.ones(len(ends), np.bool_)
    regular[block.records.malformed] = False
    quotes = np.flatnonzero(data == _QUOTE)
    commas = _outside(np.flatnonzero(data == _COMMA), quotes, block.records)
    counts = np.diff(np.searchsorted(commas, np.append(starts, ends[-1:])))
    regular &= counts == width - 1
    returns = np.flatnonzero(data == _CR)
    if len(returns):
        lone = returns[data[np.minimum(returns + 1, len(data) - 1)] != _LF]
        regular[np.searchsorted(ends, lone, side="right")] = False
        if len(returns) and returns[-1] == len(data) - 1:
            regular[-1] = False
    if not block.data.isascii():
        regular &= _utf8(block.data, starts, ends)
    return regular


def _outside(commas: Offsets, quotes: Offsets, records: Records) -> Offsets:
    """The commas that are not between quotes. A malformed record may break the parity; it is counted for itself."""
    if not len(quotes):
        return commas
    before = np.searchsorted(quotes, records.starts)
    at = np.searchsorted(records.ends, commas, side="right")
    inside = (np.searchsorted(quotes, commas) - before[at]) % 2 == 1
    return np.asarray(commas[~inside])


def _utf8(data: bytes, starts: Offsets, ends: Offsets) -> NDArray[np.bool_]:
    """Which records are UTF-8. Line feeds never stand inside a character, so good stretches are found by bisection."""
    good = np.ones(len(ends), np.bool_)
    stack = [(0, len(ends))]
    while stack:
        first, last = stack.pop()
        try:
            data[int(starts[first]) : int(ends[last - 1])].decode()
        except UnicodeDecodeError:
            if last - first == 1:
                good[first] = False
            else:
                middle = (first + last) // 2
                stack += [(first, middle), (middle, last)]
    return good


def _read_csv(block: Block, regular: NDArray[np.int64]) -> pa.Table | None:
    """The regular records as columns of strings; an empty field, quoted or not, is null."""
    data = block.data
    if len(regular) != len(block.records.ends):
        data = _without_others(block, regular)
    if data.startswith(codecs.BOM_UTF8):
        # The reader would take it for the file's mark and drop it; here it belongs to a value.
        data = codecs.BOM_UTF8 + data
    quoted = b'"' in data
    return pacsv.read_csv(
        pa.BufferReader(data),
        pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=block.header),
        pacsv.ParseOptions(quote_char='"' if quoted else False, newlines_in_values=quoted),
        pacsv.ConvertOptions(
            column_types=dict.fromkeys(block.header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,
        ),
    )


def _without_others(block: Block, wanted: NDArray[np.int64]) -> bytes:
    """The bytes of these records, which ascend: copied by stretches of neighbours, for few are missing."""
    breaks = np.flatnonzero(np.diff(wanted) != 1)
    starts = block.records.starts[wanted[np.append(0, breaks + 1)]]
    ends = block.records.ends[wanted[np.append(breaks, len(wanted) - 1)]]
    return b"".join(block.data[s:e] for s, e in zip(starts.tolist(), ends.tolist(), strict=True))
