"""Find the boundaries of the records of a CSV, exactly and for any split of its bytes.

The grammar is RFC 4180 with LF, CRLF or CR, also mixed. A state machine reads each byte in one of these states:

    S  start of a record        F  start of a further field     U  in an unquoted field
    Q  in a quoted field        E  just after a quote in a quoted field
    C  just after an unquoted CR: a LF belongs to it; before another byte the record has ended

A quote in U, or a byte other than a quote, comma or line end in E, makes the record malformed. The rest up to the next
comma or line end is then unquoted, so that a malformed record does not extend to the next ones. S and F read bytes alike.

A CR without LF ends a record, but it may be a line end or a character of a text: Python's csv writer does not quote a CR
in a field if lines end with LF. Therefore the records before and after it are malformed. A reader of pieces ends each
piece after a LF (``whole_lines``), so that both are in the same piece.

numpy finds the records of regular data by the parity of the quotes. Near an illegal quote, regular expressions read the
records one by one. A property test compares both with the state machine.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dataforge.formats.csv_passage import Passage

Offsets = NDArray[np.int64]

_QUOTE, _COMMA, _LF, _CR = b'",\n\r'
_NONE = np.zeros(0, np.int64)

_CALM, _STRETCH = 4, 1 << 12
"""Number of successive good records that ends reading one by one, and maximum number of records per run."""


def _compile(pattern: bytes) -> re.Pattern[bytes]:
    """The pattern, without possessive quantifiers for Python versions with a defect (python/cpython#106052).

    They save memory and time for files that are not CSV, but do not affect the result, which is unambiguous.
    """
    return re.compile(pattern.replace(b"*+", b"*") if sys.version_info < (3, 11, 5) else pattern)


_OPEN = rb'"[^"]*+(?:""[^"]*+)*+'
_QUOTED = _OPEN + rb'"(?!")'
_END = rb"(?:\r?\n|\r(?=[^\n]))"
_FIELD = rb"(?:" + _QUOTED + rb'[^,\r\n]*+|(?!")[^,\r\n]*+)'
_RECORD = _compile(_FIELD + rb"(?:," + _FIELD + rb")*+" + _END)
_FIELDS = _compile(rb"(?:" + _FIELD + rb",)*+")
_UNCLOSED = _compile(_OPEN)
_GOOD_FIELD = rb"(?:" + _QUOTED + rb'|[^",\r\n]*+)'
_FIELD_OF = _compile(rb"(?:(" + _QUOTED + rb')|([^",]*+))(?=,|\Z)')
_GOOD_RECORD = _compile(_GOOD_FIELD + rb"(?:," + _GOOD_FIELD + rb")*+" + _END)

EMPTY_LINES = (b"\n", b"\r\n", b"\r")
"""Empty lines, which are not records."""

_HEAD, _FACTOR = 1 << 14, 16
"""Bytes in which most passages meet the known one, and the growth if they do not."""

_PREFIX = {"F": b"", "U": b"x", "Q": b'"', "E": b'""'}
"""Bytes that lead from S to each state. C differs from F only for a LF."""


@dataclass(frozen=True)
class Records:
    """The complete records of some data that begins with one.

    ``ends``: offset just after each record, line end included. ``malformed``: indices of records with an illegal quote,
    or next to a CR without LF, in ascending order.
    """

    ends: Offsets
    malformed: list[int]

    @cached_property
    def starts(self) -> Offsets:
        """Offset of each record's first byte."""
        return np.concatenate((np.zeros(1, np.int64), self.ends[:-1])) if len(self.ends) else self.ends

    def up_to(self, end: int) -> Records:
        """The records that end at ``end`` or before."""
        count = int(np.searchsorted(self.ends, end, side="right"))
        return Records(self.ends[:count], [index for index in self.malformed if index < count])


def split_records(data: bytes, *, last: bool) -> Records:
    """The records of ``data``, which begins in state S.

    ``last``: the data ends at the end of the file, so a record without a line end is complete, and one with an unclosed
    quote is malformed.
    """
    if last and data and not any(mark in data for mark in (b'"', b"\n", b"\r")):
        # Rejected records are read one by one.
        return Records(np.array([len(data)], np.int64), [])
    parts: list[Offsets] = [_NONE]
    malformed: list[int] = []
    count = 0
    for ends, bad in _runs(data):
        parts.append(ends)
        malformed += [count + index for index in bad]
        count += len(ends)
    done = int(parts[-1][-1]) if count else 0
    if last and done < len(data):
        if not _GOOD_RECORD.fullmatch(data[done:] + b"\n"):
            malformed.append(count)
        parts.append(np.array([len(data)], np.int64))
    ends = np.concatenate(parts)
    if b"\r" in data:
        malformed = sorted({*malformed, *_beside_bare_returns(data, ends)})
    return Records(ends, malformed)


def _beside_bare_returns(data: bytes, ends: Offsets) -> list[int]:
    """The records before and after each sequence of CRs without LF, except at the end of the data."""
    if not len(ends):
        return []
    bytes_ = np.frombuffer(data, np.uint8)
    starts = Records(ends, []).starts
    by_return = bytes_[ends - 1] == _CR
    if not by_return.any():
        return []
    alone = by_return & (ends - starts == 1)
    # The next record that contains more than a CR. An empty line belongs to the CRs before it.
    count = len(ends)
    following = np.where(alone, count, np.arange(count))
    following = np.append(np.minimum.accumulate(following[::-1])[::-1], count)[1:]
    before = np.flatnonzero(by_return & (following < count))
    after = following[before]
    empty = bytes_[ends[after] - 1] == _LF
    empty &= (ends - starts)[after] <= 1 + (bytes_[starts[after]] == _CR)
    bare, beside = before[~empty], after[~empty]
    return [*bare[~alone[bare]].tolist(), *beside.tolist()]


def record_end(data: bytes, start: int) -> int:
    """The offset after the record that begins at ``start``; the last one may lack a line end."""
    record = _RECORD.match(data, start)
    return record.end() if record else len(data)


def whole_lines(data: bytes, ends: Offsets) -> int:
    """The offset after the last of these records that ends with a LF, or 0."""
    lines = ends[np.frombuffer(data, np.uint8)[ends - 1] == _LF] if len(ends) else ends
    return int(lines[-1]) if len(lines) else 0


def pieces(data: bytes, size: int) -> Iterator[tuple[int, bytes, Records]]:
    """The records that ``split_records`` with ``last`` finds, in pieces of ``size`` bytes or one line, in bounded memory.

    Each piece with its offset and its bytes. It ends after a LF, because a CR concerns the record after it too.
    """
    start, wanted = 0, size
    while start < len(data):
        piece = data[start : start + wanted]
        last = start + len(piece) == len(data)
        records = split_records(piece, last=last)
        end = len(piece) if last else whole_lines(piece, records.ends)
        if not end:
            wanted *= 2
            continue
        if end < len(piece):
            piece, records = piece[:end], records.up_to(end)
        yield start, piece, records
        start, wanted = start + end, size


def _runs(data: bytes) -> Iterator[tuple[Offsets, list[int]]]:
    """The ends of the complete records of data that begins in state S, in runs, with the malformed ones of each run.

    Up to the first illegal quote, a line end ends a record if the number of preceding quotes is even. From the record
    with that quote, records are read one by one until they are good; then counting starts again.
    """
    bytes_ = np.frombuffer(data, np.uint8)
    newlines = _line_ends(data, bytes_)
    quotes = np.flatnonzero(bytes_ == _QUOTE)
    odd = np.searchsorted(quotes, newlines) % 2 == 1
    # Parity of the quotes before the start of a record.
    line_ends = (newlines[~odd] + 1, newlines[odd] + 1)
    illegal = (_illegal(bytes_, quotes, 0), _illegal(bytes_, quotes, 1))
    position = 0
    while True:
        # Methods: numpy's functions take three times as long for one value.
        parity = int(quotes.searchsorted(position)) % 2
        following = int(illegal[parity].searchsorted(position))
        more = following < len(illegal[parity])
        limit = int(illegal[parity][following]) if more else len(data)
        ends = line_ends[parity]
        ends = ends[ends.searchsorted(position, "right") : ends.searchsorted(limit, "right")]
        if len(ends):
            yield ends, []
            position = int(ends[-1])
        walked, malformed = _walk(data, position) if more else ([], [])
        if not walked:
            return
        position = walked[-1]
        yield np.array(walked, np.int64), malformed


def _line_ends(data: bytes, bytes_: NDArray[np.uint8]) -> Offsets:
    """Offsets of line ends: each LF, and each CR before another byte."""
    newlines = np.flatnonzero(bytes_ == _LF)
    if b"\r" not in data:
        return newlines
    returns = np.flatnonzero(bytes_[:-1] == _CR)
    bare = returns[bytes_[returns + 1] != _LF]
    return np.sort(np.concatenate((newlines, bare))) if len(bare) else newlines


def _outer_line_ends(data: bytes) -> tuple[int, int] | None:
    """The offsets after the first LF (-1 without LF) and after the last line end; None without line end."""
    first = data.find(b"\n") + 1 or -1
    if b"\r" not in data:
        return (first, data.rindex(b"\n") + 1) if first > 0 else None
    ends = _line_ends(data, np.frombuffer(data, np.uint8)) + 1
    return (first, int(ends[-1])) if len(ends) else None


def _walk(data: bytes, position: int) -> tuple[list[int], list[int]]:
    """The ends of some records from ``position``, and the malformed ones, which often occur together."""
    ends: list[int] = []
    malformed: list[int] = []
    calm = 0
    while calm < _CALM and len(ends) < _STRETCH:
        good = _GOOD_RECORD.match(data, position)
        record = good or _RECORD.match(data, position)
        if record is None:
            break
        calm = calm + 1 if good else 0
        if not good:
            malformed.append(len(ends))
        position = record.end()
        ends.append(position)
    return ends, malformed


def _illegal(data: NDArray[np.uint8], quotes: Offsets, parity: int) -> Offsets:
    """Offsets of illegal quotes, if the quotes of this parity open a field and the others close it."""
    opening, closing = quotes[parity::2], quotes[1 - parity :: 2]
    before = data[opening - 1]
    opens = (before == _COMMA) | (before == _LF) | (before == _CR) | (before == _QUOTE) | (opening == 0)
    end = len(data) - 1
    after = data[np.minimum(closing + 1, end)]
    closes = (after == _COMMA) | (after == _LF) | (after == _CR) | (after == _QUOTE) | (closing == end)
    return np.sort(np.concatenate((opening[~opens], closing[~closes])))


def end_state(tail: bytes) -> str:
    """The state after an incomplete record, read from S."""
    if not tail:
        return "S"
    fields = _FIELDS.match(tail)
    rest = tail[fields.end() if fields else 0 :]
    if not rest:
        return "F"
    unclosed = _UNCLOSED.match(rest)
    left = len(rest) - unclosed.end() if unclosed else len(rest)
    if left == 0:
        return "Q"
    if rest.endswith(b"\r"):
        return "C"
    return "E" if unclosed and left == 1 else "U"


Scanned = tuple[dict[str, Passage], int]
"""The passage for each initial state, and the number of line feeds."""


def scan(data: bytes) -> Scanned:
    """The passage for each initial state (F also for S), and the number of line feeds."""
    passages = _scan(data)
    passages["C"] = passages["F"] if data else Passage("C", -1, 0)
    return passages, data.count(b"\n")


def followed_by(scanned: Scanned, size: int, more: Scanned) -> Scanned:
    """The scan of ``size`` bytes and of more bytes after them, from the scans of both."""
    passages, lines = scanned
    following, more_lines = more
    return {
        state: _joined(passage, lines, size, following) for state, passage in passages.items()
    }, lines + more_lines


def _joined(passage: Passage, lines: int, size: int, following: Mapping[str, Passage]) -> Passage:
    then = following["F" if passage.end == "S" else passage.end]
    if passage.first >= 0 or then.first < 0:
        return replace(passage, end=then.end)
    return Passage(then.end, size + then.first, lines + then.lines)


def _scan(data: bytes) -> dict[str, Passage]:
    """The passages for all states but C."""
    if b'"' not in data and (found := _outer_line_ends(data)):
        # Without quotes, every line end ends a record, unless all data is inside a quoted field.
        first, last = found
        outside = Passage(end_state(data[last:]), first, 1 if first >= 0 else 0)
        return {state: Passage("Q", -1, 0) if state == "Q" else outside for state in _PREFIX}
    known, ends = _passage(data, _PREFIX["F"])
    others = {state: _passage(data, prefix, known, ends)[0] for state, prefix in _PREFIX.items() if prefix}
    return {"F": known, **others}


def _passage(
    data: bytes, prefix: bytes, known: Passage | None = None, known_ends: Offsets = _NONE
) -> tuple[Passage, Offsets]:
    """The passage of the state that the prefix leads to, and the ends of its records up to a common one.

    After a record that ends at the same byte in a ``known`` passage, both passages are equal.
    """
    size = len(data) if known is None else _HEAD
    while True:
        ends, met = _ends_until(prefix + data[:size], len(prefix), known_ends)
        if met or size >= len(data):
            break
        size *= _FACTOR
    first = _first_line(data, ends)
    if known is not None and met:
        state = known.end
        if first < 0:
            first = _first_line(data, known_ends[known_ends > ends[-1]])
    else:
        text = prefix + data
        tail = text[int(ends[-1]) + len(prefix) if len(ends) else 0 :]
        state = end_state(tail) if len(ends) or tail != prefix else ""
    return Passage(state or "S", first, data.count(b"\n", 0, max(first, 0))), ends


def _ends_until(text: bytes, skipped: int, known_ends: Offsets) -> tuple[Offsets, bool]:
    """The ends of the records of the text after the ``skipped`` bytes, up to a known one, and whether there is one."""
    parts = [_NONE]
    for run, _ in _runs(text):
        parts.append(run - skipped)
        first = parts[-1][0]
        if first in known_ends[np.searchsorted(known_ends, first) :][:1]:
            return np.concatenate(parts), True
    return np.concatenate(parts), False


def _first_line(data: bytes, ends: Offsets) -> int:
    """The first of these ends after a LF, or -1."""
    inside = ends[ends > 0]
    lines = inside[np.frombuffer(data, np.uint8)[inside - 1] == _LF]
    return int(lines[0]) if len(lines) else -1


def parse_fields(record: bytes) -> list[bytes] | None:
    """The fields of one record, unquoted; None if it is malformed. Its line end (LF, CRLF or CR) is removed."""
    record = record.removesuffix(b"\n").removesuffix(b"\r")
    if b'"' not in record:
        return record.split(b",")
    fields, position = [], 0
    while match := _FIELD_OF.match(record, position):
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted[1:-1].replace(b'""', b'"'))
        if match.end() == len(record):
            return fields
        position = match.end() + 1
    return None
