"""Find the header of a CSV: whether it has one, in how many lines, and after how many other lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from discovery.formats.shapes import common_shape, shape, tells

_LOOKED_AT = 12
_MOST_LINES = 3
_FEWEST_NUMBERS = 3
_NAME = re.compile(r"[^\W\d][\w .,:;#/%§€$()\[\]?&*+-]{0,80}", re.UNICODE)

_UNIT = re.compile(r"\(.*\)|\[.*\]|[%°$€£]\S{0,4}|\S{1,3}/\S{1,3}")
_MANY_UNLIKE = 3
"""A record of data may have a word in place of a number or two."""


@dataclass(frozen=True)
class Header:
    """``lines`` of the header, after ``skip`` lines that are not part of the table.

    ``by_names``: all columns hold texts, and only the form of the first line suggests that it is a header.
    """

    lines: int
    skip: int
    reason: str
    by_names: bool = False


def detect_header(rows: Sequence[tuple[str, ...]], width: int) -> Header:
    """The header of the records, most of which have ``width`` fields."""
    if not rows:
        return Header(0, 0, "the file has no records")
    skip = _preamble(rows, width)
    body = rows[skip:]
    shapes = _column_shapes(body[1:], width)
    lines = 0
    while lines < min(_MOST_LINES, len(body)) and _is_header(
        body[lines], shapes, first=lines == 0, body=body
    ):
        lines += 1
    if lines == len(body) > 1:
        lines = 1
    if not lines:
        # Without a header below them, nearly empty records of the table's width are its first ones.
        skip = next((place for place, row in enumerate(rows[:skip]) if len(row) == width), skip)
    by_names = lines == 1 and not any(map(tells, filter(None, shapes)))
    return Header(lines, skip, _reason(lines, skip, by_names=by_names), by_names)


def _reason(lines: int, skip: int, *, by_names: bool) -> str:
    before = f"; {skip} lines before it are not part of the table" if skip else ""
    if not lines:
        return "the first record looks like the others"
    if by_names:
        return f"the first line has the form of names, and all columns hold texts{before}"
    return (
        f"the first {'line differs' if lines == 1 else f'{lines} lines differ'} from the values below{before}"
    )


def _preamble(rows: Sequence[tuple[str, ...]], width: int) -> int:
    """The number of records before the table: of another width, or nearly empty, before a full one."""
    if width < 2:
        return 0
    full = max(_filled(row) for row in rows[:_LOOKED_AT] if len(row) == width)
    for place, row in enumerate(rows[:_LOOKED_AT]):
        if len(row) == width and _filled(row) >= max(2, 0.6 * full):
            return place
    return 0


def _filled(row: tuple[str, ...]) -> int:
    return sum(bool(text.strip()) for text in row)


def _column_shapes(rows: Sequence[tuple[str, ...]], width: int) -> list[str | None]:
    columns = [[row[place] for row in rows if len(row) == width] for place in range(width)]
    return [common_shape(column) for column in columns]


def _is_header(
    row: tuple[str, ...], shapes: Sequence[str | None], *, first: bool, body: Sequence[tuple[str, ...]]
) -> bool:
    """Whether a record holds names: it does not look like the values below it."""
    if len(row) != len(shapes):
        return False
    if first and _enumerates(row):
        others = body[1:_LOOKED_AT]
        return 2 * sum(map(_enumerates, others)) < len(others)
    unlike = alike = 0
    for text, below in zip(row, shapes, strict=True):
        if below is None or not tells(below) or not text.strip():
            continue
        if shape(text) == below:
            alike += 1
        else:
            unlike += 1
    if not (first or _completes(row, body[0]) or unlike >= _MANY_UNLIKE):
        return False
    if alike or unlike:
        return unlike > alike and not any(
            shape(text) in {"integer", "number", "date"} for text in row if text
        )
    return first and _are_names(row) and not _repeats(row, body)


def _completes(row: tuple[str, ...], first: tuple[str, ...]) -> bool:
    """Whether a record may be a further line of a header: the first one has several gaps, or this one has units."""
    if len({text.strip() for text in first if text.strip()}) < len(first) - 1:
        return True
    filled = [text.strip() for text in row if text.strip()]
    return bool(filled) and all(_UNIT.fullmatch(text) for text in filled)


def _enumerates(row: tuple[str, ...]) -> bool:
    """Whether a record holds names and consecutive whole numbers, such as a column for each year."""
    numbers = [int(text.strip()) for text in row if text.strip().isdecimal()]
    others = tuple(text for text in row if not text.strip().isdecimal())
    ascending = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False
    return len(numbers) >= _FEWEST_NUMBERS and ascending and _are_names(others)


def _are_names(row: tuple[str, ...]) -> bool:
    named = [text.strip() for text in row if text.strip()]
    return bool(named) and len(set(named)) == len(named) and all(_NAME.fullmatch(text) for text in named)


def _repeats(row: tuple[str, ...], body: Sequence[tuple[str, ...]]) -> bool:
    """Whether a text of the record is a value of its column further down."""
    return any(
        text and any(len(other) == len(row) and other[place] == text for other in body[1:])
        for place, text in enumerate(row)
    )
