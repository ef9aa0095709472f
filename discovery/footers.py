"""Find records at the end of a CSV that are not data: totals, numbers of rows, sources."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from dataforge.formats.dialect_reader import read_records
from dataforge.formats.text_stream import open_text
from discovery.files import TextFile

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LARGEST = 4 << 20
"""Larger files are read in parallel, which a footer excludes; there a few rejected records change no type."""
_MOST = 3
_PIECE = 1 << 20
_WORDS = re.compile(
    r"(?:(?:grand|sub|overall)[ -]?)?(?:totals?|sums?|summe|gesamt|insgesamt|somme|totale|suma)(?:\W.*)?"
    r"|(?:source|quelle|notes?|generated|created|exported|printed|end of|erstellt)\b.*"
    r"|\(?[0-9,]+ (?:rows?|records?|lines?|zeilen|datensätze)\b.*",
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
    if not footer or len(footer) == len(data):
        return file
    return replace(file, dialect=replace(file.dialect, skip_footer=len(footer)))


def _tail(s3: S3Client, file: TextFile) -> str:
    tail = b""
    with open_text(s3, file.object) as text:
        while piece := text.read(_PIECE):
            tail = (tail + piece)[-_TAIL:]
    return tail.decode(file.dialect.codec, errors="replace")


def _is_footer(fields: Sequence[str] | None, file: TextFile) -> bool:
    """Whether a record begins with the words of a footer and has few of the table's fields."""
    if fields is None:
        return False
    filled = [text.strip() for text in fields if text.strip()]
    begins = bool(filled) and _WORDS.fullmatch(filled[0]) is not None
    return begins and (len(filled) == 1 or 2 * len(filled) <= file.width + 1)
