"""Parse one record of a CSV to fields by column, or to its violations."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dataforge.formats.csv_boundaries import Records, parse_fields
from dataforge.formats.dialect import STANDARD, Csv
from dataforge.formats.dialect_reader import fields_of, one_record
from dataforge.formats.headers import IGNORED, Headers, plain_headers
from dataforge.records.violation import Violation

MARK = codecs.BOM_UTF8

_QUOTE = "The record has a quote inside an unquoted field, or text after a closing quote"
_RETURN = "The record is beside a CR without a LF: a line end, or a character of a text? End lines alike, or quote the field"
_UNICODE = "The record is not valid UTF-8"
_MARKED = (
    "The record begins with a byte order mark, as where files were joined; remove it, or quote the field"
)
REPEATED_HEADER = Violation("repeated_header", "The record repeats the header, as where files were joined")


def read_record(
    header: tuple[str, ...],
    raw: bytes,
    malformed: bool,
    names: Headers | None = None,
    dialect: Csv = STANDARD,
) -> Mapping[str, str] | list[Violation]:
    """The record's fields by column without those that mean NULL, or its violations.

    ``header``: the file's columns. ``names``: the headers that they have in files, if others. ``dialect``: a parallel one.
    """
    names = names or plain_headers(header)
    if not dialect.has_standard_fields:
        return _read_dialect_record(header, raw, malformed, names, dialect)
    marked = raw.startswith(MARK)
    fields = parse_fields(raw.removeprefix(MARK))
    if fields and dialect.header and _is_header(fields, len(raw), header, names):
        return [REPEATED_HEADER]
    if marked:
        return [Violation("byte_order_mark", _MARKED)]
    if fields is None:
        return [Violation("csv_quote", _QUOTE)]
    if malformed:
        return [Violation("carriage_return", _RETURN)]
    if len(fields) != len(header):
        return [Violation("field_count", f"The record has {len(fields)} fields, the header {len(header)}")]
    try:
        texts = [f.decode() for f in fields]
    except UnicodeDecodeError:
        return [Violation("string_unicode", _UNICODE)]
    return {
        name: text for name, text in zip(header, texts, strict=True) if text and not name.startswith(IGNORED)
    }


def regular_fields(header: tuple[str, ...], record: str) -> dict[str, str] | None:
    """The fields of a record of which ``read_record`` is known to return fields, in a standard CSV.

    None if it does not have the header's number of fields. No column of the header is ignored or occurs twice.
    """
    if '"' not in record:
        fields = record.removesuffix("\n").removesuffix("\r").split(",")
    else:
        fields = [field.decode() for field in parse_fields(record.encode()) or ()]
    if len(fields) != len(header):
        return None
    return {name: field for name, field in zip(header, fields, strict=True) if field}


def _is_header(fields: Sequence[bytes], size: int, header: tuple[str, ...], names: Headers) -> bool:
    return size <= names.longest(header) and names.repeats(
        (field.decode(errors="replace") for field in fields), header
    )


def _read_dialect_record(
    header: tuple[str, ...], raw: bytes, malformed: bool, names: Headers, dialect: Csv
) -> Mapping[str, str] | list[Violation]:
    marked = dialect.codec == "utf-8" and raw.startswith(MARK)
    record = one_record(raw.removeprefix(MARK) if marked else raw, dialect)
    short = dialect.header and len(raw) <= names.longest(header)
    if short and record.fields and names.repeats(record.fields, header):
        return [REPEATED_HEADER]
    if marked:
        return [Violation("byte_order_mark", _MARKED)]
    if malformed and record.fields is not None:
        return [Violation("carriage_return", _RETURN)]
    return fields_of(record, header, dialect)


def suspects(
    data: bytes,
    records: Records,
    header: tuple[str, ...],
    names: Headers | None = None,
    dialect: Csv = STANDARD,
) -> NDArray[np.bool_]:
    """Mask of the records that begin with a byte order mark or may repeat the header.

    Few files contain one, so that usually one search for a column's name is sufficient.
    """
    found = np.zeros(len(records.ends), np.bool_)
    # A search for a single byte is fast; of words, the longest is the fastest.
    if dialect.codec == "utf-8" and MARK[:1] in data and MARK in data:
        starts = records.starts[records.ends - records.starts >= len(MARK)]
        bytes_ = np.frombuffer(data, np.uint8)
        same = [bytes_[starts + place] == byte for place, byte in enumerate(MARK)]
        marked = starts[np.logical_and.reduce(same)]
        found[np.searchsorted(records.starts, marked)] = True
    names = names or plain_headers(header)
    marks = [mark.decode().encode(dialect.codec, errors="replace") for mark in names.marks(header)]
    text = data.lower() if names.ignore_case else data
    if dialect.header and marks and all(mark in text for mark in marks):
        hits = _hits(text, marks[0])
        indices = np.searchsorted(records.ends, np.array(hits, np.int64), side="right")
        found[indices[(records.ends - records.starts)[indices] <= names.longest(header)]] = True
    return found


def _hits(data: bytes, word: bytes) -> list[int]:
    hits, place = [], data.find(word)
    while place >= 0:
        hits.append(place)
        place = data.find(word, place + len(word))
    return hits
