"""Find records at the end of a CSV that are not data: totals, numbers of rows, sources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from dataforge.formats.dialect_reader import read_records
from dataforge.formats.text_stream import open_text
from discovery.formats.files import TextFile
from discovery.formats.shapes import common_shape, shape, tells

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LARGEST = 4 << 20
"""Larger files are read in parallel, which a footer excludes; there a few rejected records change no type."""
_MOST = 3
_PIECE = 1 << 20
_WORDS = re.compile(
    r"(?P<sum>(?:(?:grand|sub|overall)[ -]?)?(?:totals?|sums?|summe|gesamt|insgesamt|somme|totale|suma)(?:\W.*)?)"
    r"|(?:source|quelle|notes?|generated|created|exported|printed|end of|erstellt)\b"
    r"(?P<mark> ?:| (?:on|at|by|am|von) )?.*"
    r"|(?P<rows>\(?[0-9,]+ (?:rows?|records?|lines?|zeilen|datensätze)\b.*)",
    re.IGNORECASE | re.DOTALL,
)

_SOME_WORD = re.compile(
    r"^\W*(?:[0-9,]+ (?:row|record|line|zeile|datens)|grand|sub|overall|total|sum|gesamt|insgesamt|som"
    r"|source|quelle|note|generated|created|exported|printed|end of|erstellt)",
    re.IGNORECASE | re.MULTILINE,
)
"""The beginning of each of these words at that of a line: without one, the records need not be read."""
_TAIL = 4096
"""The bytes in which a footer's last record begins."""


def without_footer(s3: S3Client, file: TextFile) -> TextFile:
    """The file with the number of such records in its dialect."""
    if file.object.size > _LARGEST or file.width < 2:
        return file
    if file.dialect.is_parallel and not _SOME_WORD.search(_tail(s3, file)):
        return file
    with open_text(s3, file.object) as text:
        records = [record.fields for record in read_records(text.read, file.dialect)]
    data = records[file.dialect.header :]
    footer = list(takewhile(lambda fields: _is_footer(fields, file), reversed(data[-_MOST:])))
    rows = [fields for fields in data[: len(data) - len(footer)] if fields and len(fields) == file.width]
    if not footer or not rows or any(_is_row(fields, rows) for fields in footer if fields):
        return file
    return replace(file, dialect=replace(file.dialect, skip_footer=len(footer)))


def _tail(s3: S3Client, file: TextFile) -> str:
    tail = b""
    with open_text(s3, file.object) as text:
        while piece := text.read(_PIECE):
            tail = (tail + piece)[-_TAIL:]
    return tail.decode(file.dialect.codec, errors="replace")


def _is_row(fields: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a record that begins like a footer may be a row: other rows begin or are filled like it."""
    width = len(rows[0])
    if len(fields) != width:
        return False
    place = next(place for place, text in enumerate(fields) if text.strip())
    if any(_WORDS.fullmatch(row[place].strip()) for row in rows):
        return True
    always = [p for p in range(width) if all(row[p].strip() for row in rows)]
    if all(fields[p].strip() for p in always):
        return True
    return not _contradicts(fields, place, [row[place] for row in rows])


def _contradicts(fields: Sequence[str], place: int, column: Sequence[str]) -> bool:
    """Whether the text of a footer is not a value of its column, or is one of a table of texts by accident only."""
    found = common_shape(column)
    if found is not None and tells(found):
        return True
    match = _WORDS.fullmatch(fields[place].strip())
    sums = any(shape(text) in {"integer", "number", "amount"} for text in fields[place + 1 :])
    return match is not None and bool(match["mark"] or match["rows"] or (match["sum"] and sums))


def _is_footer(fields: Sequence[str] | None, file: TextFile) -> bool:
    """Whether a record begins with the words of a footer and has few of the table's fields."""
    if fields is None:
        return False
    filled = [text.strip() for text in fields if text.strip()]
    begins = bool(filled) and _WORDS.fullmatch(filled[0]) is not None
    return begins and (len(filled) == 1 or 2 * len(filled) <= file.width + 1)
