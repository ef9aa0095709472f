"""Read one line of JSON Lines as a record: an object whose values have the types that the API accepts."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dataforge.errors import NotJsonLines, WrongEncoding
from dataforge.formats.headers import IGNORED, Headers
from dataforge.formats.strict_json import NotStrictJson, parse
from dataforge.records.violation import Violation

MARK = codecs.BOM_UTF8
BLANK = b" \t\r\n"
"""White space of JSON. A line of nothing else is not a record."""

_UTF16_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHOWN = 20
_NAME_LENGTH = 100

_UNICODE = Violation("string_unicode", "The record is not valid UTF-8")
_MARKED = Violation(
    "byte_order_mark", "The record begins with a byte order mark, as where files were joined; remove it"
)
_NO_OBJECT = Violation("dict_type", "The record should be an object: a value for each column")


@dataclass(frozen=True)
class JsonLines:
    """A file with one JSON object per line, in UTF-8; ``FORMAT = JsonLines()``.

    ``Header("address.city")`` is the key city of the object address.

    Files with the extension ``.jsonl`` or ``.ndjson`` need no declaration.
    """


def read_line(raw: bytes, names: Headers, columns: Collection[str]) -> Mapping[str, Any] | list[Violation]:
    """The values of a line by column, without null; or the violations of its shape.

    ``names``: the keys of each column. ``columns``: those that the file may have. A key that is missing is NULL, as null
    is.
    """
    if raw.startswith(MARK):
        return [_MARKED]
    try:
        document = parse(raw)
    except UnicodeDecodeError:
        return [_UNICODE]
    except NotStrictJson as error:
        return [Violation("json_invalid", f"The record {error}")]
    if not isinstance(document, dict):
        return [_NO_OBJECT]
    return _by_column(document, names, columns)


def _by_column(
    document: Mapping[str, Any], names: Headers, columns: Collection[str]
) -> Mapping[str, Any] | list[Violation]:
    record: dict[str, Any] = {}
    wrong: list[Violation] = []
    for key, value in _flat(document, names):
        column = names.column(key) or ""
        if column.startswith(IGNORED):
            continue
        if column in record:
            wrong.append(Violation("json_invalid", "The record has two keys of one column", _shown(key)))
        elif column in columns:
            record[column] = value
        else:
            wrong.append(Violation("unknown_column", _reason(key, column, names), _shown(key)))
    return wrong[:_SHOWN] or {column: value for column, value in record.items() if value is not None}


def _flat(document: Mapping[str, Any], names: Headers, outer: str = "") -> Iterator[tuple[str, Any]]:
    """The keys and values, those inside an object as ``outer.inner`` if a header names them so."""
    for name, value in document.items():
        key = outer + name
        inside = names.column(key) is None and names.has_below(key)
        if inside and isinstance(value, dict):
            yield from _flat(value, names, key + ".")
        elif not (inside and value is None):
            yield key, value


def _reason(key: str, column: str, names: Headers) -> str:
    if column:
        return "The names of the file's folders fill this column"
    headers = dict(names.names).get(key)
    if headers:
        return f"The key of this column is {' or '.join(map(repr, headers))}, as its Header declares"
    return "The table has no such column"


def _shown(key: str) -> str:
    """The start of a key, without characters that PostgreSQL cannot store."""
    return key[:_NAME_LENGTH].encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def first_record(file: str, head: bytes, *, whole: bool) -> int:
    """The offset of the first line in a file that begins with ``head``; ``whole``: it is all of the file.

    Raises ``WrongEncoding``, and ``NotJsonLines`` if no line of ``head`` is an object.
    """
    if head.startswith(_UTF16_32):
        raise WrongEncoding(file, "the file is encoded in UTF-16 or UTF-32")
    start = len(MARK) if head.startswith(MARK) else 0
    *complete, last = head[start:].split(b"\n")
    lines = [line for line in (*complete, *([last] if whole else ())) if line.strip(BLANK)]
    if not lines:
        # The first line is longer than the head, or the file has no record.
        lines = [last] if last.strip(BLANK) else []
        if not lines or last.lstrip(BLANK).startswith(b"{"):
            return start
    elif any(_is_object(line) for line in lines) and not _opens_an_array(lines[0]):
        return start
    raise NotJsonLines(file, _found(lines))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(parse(line), dict)
    except ValueError:
        return False


def _opens_an_array(line: bytes) -> bool:
    """Whether an array begins in the line and does not end in it. Its last object may be the only text of a line."""
    if not line.lstrip(BLANK).startswith(b"["):
        return False
    try:
        parse(line)
    except ValueError:
        return True
    return False


def _found(lines: list[bytes]) -> str:
    """The apparent structure of the file, without values."""
    first = lines[0].strip(BLANK)
    if first.startswith(b"["):
        return "It begins with '[': it may be one JSON array."
    if first.startswith(b"{"):
        return "It begins with '{': it may be one JSON document over several lines."
    return "No line at its start is an object."
