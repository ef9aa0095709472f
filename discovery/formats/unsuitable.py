"""Recognise files that are not tables by their first bytes: web pages, XML, JSON documents, spreadsheets, binary files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataforge.errors import InvalidInput
from dataforge.formats.candidates import MARKS
from discovery.formats.encodings import wide_encoding

_HEAD = 4096
_SPREADSHEET = "Save the sheet as CSV UTF-8 in the spreadsheet program; every sheet becomes a file."
_EXPORT = "Export the data as CSV, JSON Lines or Parquet."
_MARKS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook or another Office document", _SPREADSHEET),
    (b"%PDF-", "a PDF document", "A PDF has no columns: export the data from the program that has made it."),
    (
        b"SQLite format 3\0",
        "an SQLite database",
        "Export each table: sqlite3 -csv -header FILE 'SELECT * FROM name'",
    ),
    (b"\x89PNG", "a PNG image", _EXPORT),
    (b"\xff\xd8\xff", "a JPEG image", _EXPORT),
    (b"GIF8", "a GIF image", _EXPORT),
    (b"\x7fELF", "a program", _EXPORT),
)
_PACKED = (
    (b"[Content_Types].xml", "an Excel workbook or another Office document"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument spreadsheet or text"),
)
"""Names of the first files in zip archives of office programs."""
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x01\x02\x03\x1a\x1b\x1c\x1d\x1e\x1f"))
"""Control characters that neither text nor the delimiters of exports have."""
_BINARY = 0.02
_HTML = re.compile(rb"(?i)<!doctype html|<html[\s>]|<table[\s>]")
_XML = re.compile(rb"<\?xml\s")
_JSON = re.compile(rb"\[\s*(?:\{\s*\"|\]\s*$)|\{\s*\"(?:[^\"\\]|\\.)*\"\s*:")


class NotATable(InvalidInput):
    """The file is not a CSV, JSON Lines or Parquet."""

    code = "NotATable"


@dataclass(frozen=True)
class Unsuitable:
    """The kind of a file that is not a table, and the way to one."""

    kind: str
    hint: str


def refuse_office(file: str, head: bytes) -> None:
    """Raise ``NotATable`` if the file that begins with these bytes is known by them: a spreadsheet, a PDF, an image."""
    _refuse(file, _marked(head[:_HEAD]))


def refuse_document(file: str, text: bytes) -> None:
    """Raise ``NotATable`` if the content that begins with these bytes, uncompressed, is a document or no text."""
    head = text[:_HEAD]
    binary = None if not head or _is_text(head) else Unsuitable("a binary file", _EXPORT)
    _refuse(file, _document(head) or _marked(head) or binary)


def _refuse(file: str, found: Unsuitable | None) -> None:
    if found is not None:
        raise NotATable(f"{file} is {found.kind}, not a table.", hint=found.hint)


def _document(head: bytes) -> Unsuitable | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _HTML.match(start):
        return Unsuitable(
            "a web page (HTML)", "If a spreadsheet program opens it, save the sheet as CSV there."
        )
    if _XML.match(start):
        if b"urn:schemas-microsoft-com:office:spreadsheet" in start:
            return Unsuitable("an XML spreadsheet", _SPREADSHEET)
        return Unsuitable("XML", "Convert it to CSV or JSON Lines, one line for each row.")
    if _JSON.match(start):
        return Unsuitable("a JSON document", "Write one object per line: jq -c '.[]' FILE > FILE.jsonl")
    return None


def _marked(head: bytes) -> Unsuitable | None:
    for mark, kind, hint in _MARKS:
        if head.startswith(mark):
            return Unsuitable(kind, hint)
    office = next((kind for name, kind in _PACKED if head.startswith(b"PK") and name in head), None)
    return Unsuitable(office, _SPREADSHEET) if office else None


def _is_text(head: bytes) -> bool:
    if head.startswith(tuple(MARKS)) or wide_encoding(head):
        return True
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls <= max(1, _BINARY * len(head))
