"""Where the records of a CSV are: exact at every byte, for any cut.

The grammar is RFC 4180 with LF or CRLF. Seen as a machine, a byte is read in one of these states:

    S  start of a record        F  start of a further field     U  in an unquoted field
    Q  in a quoted field        E  just after a quote in a quoted field

A quote in U, or anything but a quote, comma or line end in E, makes the record malformed; it then goes on as unquoted to
the next comma or line end, so one bad record never swallows its neighbours. S and F read every byte alike.

Most data is regular, and numpy finds its records by the parity of the quotes; only where a quote is illegal do regular
expressions walk record by record. Both give the same answer as the machine (a property test holds them to it).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int64]

_QUOTE, _COMMA, _LF, _CR = b'",\n\r'
_WINDOW = 1 << 13
_WINDOW_LIMIT = 1 << 20


def _compile(pattern: bytes) -> re.Pattern[bytes]:
    """The pattern; without possessive quantifiers for a Python that matches them wrongly (python/cpython#106052).

    They spare memory and time on what is no CSV, but decide nothing: every text can be read in one way only.
    """
    return re.compile(pattern.replace(b"*+", b"*") if sys.version_info < (3, 11, 5) else pattern)


_OPEN = rb'"[^"]*+(?:""[^"]*+)*+'
_QUOTED = _OPEN + rb'"(?!")'
_FIELD = rb"(?:" + _QUOTED + rb'[^,\n]*+|(?!")[^,\n]*+)'
_RECORD = _compile(_FIELD + rb"(?:," + _FIELD + rb")*+\n")
_FIELDS = _compile(rb"(?:" + _FIELD + rb",)*+")
_UNCLOSED = _compile(_OPEN)
_GOOD_FIELD = rb"(?:" + _QUOTED + rb'|[^",\n]*+)'
_FIELD_OF = _compile(rb"(?:(" + _QUOTED + rb')|([^",]*+))(?=,|\Z)')
_GOOD_RECORD = _compile(_GOOD_FIELD + rb"(?:," + _GOOD_FIELD + rb")*+\r?\n")

EMPTY_LINES = (b"\n", b"\r\n", b"\r")
"""They are no records; a lone CR only where the file ends."""

_PREFIX = {"F": b"", "U": b"x", "Q": b'"', "E": b'""'}
"""Bytes that bring the machine from S into a state."""


@dataclass(frozen=True)
class Records:
    """The complete records of some data that begins with one.

    ``ends``: offset just after each record, line end included. ``malformed``: indices of records with an illegal quote.
    """

    ends: Offsets
    malformed: list[int]

    @property
    def starts(self) -> Offsets:
        """Offset of each record's first byte."""
        return np.concatenate((np.zeros(1, np.int64), self.ends[:-1])) if len(self.ends) else self.ends


def split_records(data: bytes, *, last: bool, window: int = _WINDOW) -> Records:
    """The records of ``data``, which begins in state S.

    ``last``: the data ends where the file ends, so a record without a line end is complete too, and one whose quote is
    never closed is malformed. ``window``: bytes to look at together where quotes are illegal.
    """
    bytes_ = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(bytes_ == _LF)
    quotes = np.flatnonzero(bytes_ == _QUOTE)
    if _legal(bytes_, quotes, 0):
        ends, malformed = newlines[np.searchsorted(quotes, newlines) % 2 == 0] + 1, list[int]()
    else:
        ends, malformed = _split_by_windows(data, bytes_, newlines, quotes, window)
    done = int(ends[-1]) if len(ends) else 0
    if last and done < len(data):
        if not _GOOD_RECORD.fullmatch(data[done:] + b"\n"):
            malformed.append(len(ends))
        ends = np.append(ends, len(data))
    return Records(ends, malformed)


def _legal(data: NDArray[np.uint8], quotes: Offsets, start: int) -> bool:
    """Whether every quote opens, closes or is doubled as it should, reading from S at ``start``."""
    if not len(quotes):
        return True
    opening, closing = quotes[0::2], quotes[1::2]
    before = data[opening - 1]
    opens = (before == _COMMA) | (before == _LF) | (before == _QUOTE)
    if opening[0] == start:
        opens[0] = True
    elif before[0] == _QUOTE:
        return False
    if not opens.all():
        return False
    closing = closing[closing + 1 < len(data)]
    after = data[closing + 1]
    second = data[np.minimum(closing + 2, len(data) - 1)]
    crlf = (after == _CR) & ((second == _LF) | (closing + 2 >= len(data)))
    return bool(((after == _COMMA) | (after == _LF) | (after == _QUOTE) | crlf).all())


def _split_by_windows(
    data: bytes, bytes_: NDArray[np.uint8], newlines: Offsets, quotes: Offsets, window: int
) -> tuple[Offsets, list[int]]:
    """Record ends and malformed records, where some quote is illegal: vectors where they serve, else a walk.

    Windows grow while quotes are legal, and shrink around an illegal one, so that few records have to be walked. A record
    longer than the window makes it grow (``least``) until it has its end.
    """
    parts: list[Offsets] = []
    malformed: list[int] = []
    count, position, width, least = 0, 0, window, window
    while position < len(data):
        limit = min(position + width, len(data))
        inside = quotes[slice(*np.searchsorted(quotes, (position, limit)))]
        if _legal(bytes_, inside, position):
            lines = newlines[slice(*np.searchsorted(newlines, (position, limit)))]
            ends = lines[np.searchsorted(inside, lines) % 2 == 0] + 1
            width = min(width * 2, max(_WINDOW_LIMIT, least))
        elif width > least:
            width = least
            continue
        else:
            walked = list(_walk(data, position, limit))
            ends = np.array([end for end, _ in walked], np.int64)
            malformed += [count + i for i, (_, good) in enumerate(walked) if not good]
        if len(ends):
            parts.append(ends)
            count, position, least = count + len(ends), int(ends[-1]), window
        elif limit == len(data):
            break
        else:
            width = least = max(width, least * 2)
    return (np.concatenate(parts) if parts else np.zeros(0, np.int64)), malformed


def _walk(data: bytes, position: int, limit: int) -> Iterator[tuple[int, bool]]:
    """End and well-formedness of each record that starts before ``limit``."""
    while position < limit:
        good = _GOOD_RECORD.match(data, position)
        record = good or _RECORD.match(data, position)
        if record is None:
            return
        position = record.end()
        yield position, good is not None


def end_state(tail: bytes) -> str:
    """The state after an incomplete record, read from S."""
    if not tail:
        return "S"
    fields = _FIELDS.match(tail)
    rest = tail[fields.end() if fields else 0 :]
    if not rest:
        return "F"
    unclosed = _UNCLOSED.match(rest)
    if unclosed is None:
        return "U"
    left = len(rest) - unclosed.end()
    return "Q" if left == 0 else "E" if left == 1 else "U"


@dataclass(frozen=True)
class Passage:
    """What some bytes do to the machine when they are entered in one state.

    ``end``: the state after them. ``first``: offset of the first record that starts in them (-1: none does).
    ``lines``: line feeds before that record.
    """

    end: str
    first: int
    lines: int


def scan(data: bytes) -> tuple[dict[str, Passage], int]:
    """The passage for each state the data may be entered in (F stands for S too), and the count of its line feeds."""
    lines = data.count(b"\n")
    if lines and b'"' not in data:
        # Without a quote every line end ends a record, unless all of it is inside a quoted field.
        outside = Passage(end_state(data[data.rindex(b"\n") + 1 :]), data.index(b"\n") + 1, 1)
        return {state: Passage("Q", -1, 0) if state == "Q" else outside for state in _PREFIX}, lines
    return {state: _passage(data, prefix) for state, prefix in _PREFIX.items()}, lines


def _passage(data: bytes, prefix: bytes) -> Passage:
    ends = split_records(prefix + data, last=False).ends
    tail = (prefix + data)[int(ends[-1]) if len(ends) else 0 :]
    state = end_state(tail) if len(ends) or tail != prefix else ""
    if not len(ends):
        return Passage(state or "S", -1, 0)
    first = int(ends[0]) - len(prefix)
    return Passage(state, first, data.count(b"\n", 0, first))


def parse_fields(record: bytes) -> list[bytes] | None:
    """The fields of one record, unquoted; None if it is malformed. Its line end (LF, CRLF, or CR at the file's end) goes."""
    record = record.removesuffix(b"\n").removesuffix(b"\r")
    fields, position = [], 0
    while match := _FIELD_OF.match(record, position):
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted[1:-1].replace(b'""', b'"'))
        if match.end() == len(record):
            return fields
        position = match.end() + 1
    return None
