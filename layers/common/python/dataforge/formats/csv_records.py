"""Parse one record of a CSV to fields by column, or to its violations."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataforge.formats.csv_boundaries import Records, parse_fields
from dataforge.records.violation import Violation

MARK = codecs.BOM_UTF8

_QUOTE = "The record has a quote inside an unquoted field, or text after a closing quote"
_RETURN = "The record is beside a CR without a LF: a line end, or a character of a text? End lines alike, or quote the field"
_UNICODE = "The record is not valid UTF-8"
_MARKED = (
    "The record begins with a byte order mark, as where files were joined; remove it, or quote the field"
)
_REPEATED = "The record repeats the header, as where files were joined"

_SLACK = 8
"""Bytes that a field of a repeated header may have in addition to its name: quotes, blanks, a comma."""


def read_record(header: tuple[str, ...], raw: bytes, malformed: bool) -> Mapping[str, str] | list[Violation]:
    """The record's fields by column without empty ones, or its violations."""
    marked = raw.startswith(MARK)
    fields = parse_fields(raw.removeprefix(MARK))
    if fields and len(raw) <= _longest(header) and _names(fields) == _sorted(header):
        return [Violation("repeated_header", _REPEATED)]
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
    return {name: text for name, text in zip(header, texts, strict=True) if text}


def _names(fields: Sequence[bytes]) -> list[str]:
    return sorted(field.decode(errors="replace").strip() for field in fields)


@lru_cache(64)
def _sorted(header: tuple[str, ...]) -> list[str]:
    return sorted(header)


@lru_cache(64)
def _longest(header: tuple[str, ...]) -> int:
    """Maximum size in bytes of a record that repeats the header."""
    return sum(len(name.encode()) + _SLACK for name in header) + len(MARK) + 2


def suspects(data: bytes, records: Records, header: tuple[str, ...]) -> NDArray[np.bool_]:
    """Mask of the records that begin with a byte order mark or may repeat the header.

    Few files contain one, so that usually one search for a column's name is sufficient.
    """
    found = np.zeros(len(records.ends), np.bool_)
    # A search for a single byte is fast; of words, the longest is the fastest.
    if MARK[:1] in data and MARK in data:
        starts = records.starts[records.ends - records.starts >= len(MARK)]
        bytes_ = np.frombuffer(data, np.uint8)
        same = [bytes_[starts + place] == byte for place, byte in enumerate(MARK)]
        marked = starts[np.logical_and.reduce(same)]
        found[np.searchsorted(records.starts, marked)] = True
    names = sorted((name.encode() for name in header), key=len, reverse=True)
    if all(name in data for name in names):
        hits = _hits(data, names[0])
        indices = np.searchsorted(records.ends, np.array(hits, np.int64), side="right")
        found[indices[(records.ends - records.starts)[indices] <= _longest(header)]] = True
    return found


def _hits(data: bytes, word: bytes) -> list[int]:
    hits, place = [], data.find(word)
    while place >= 0:
        hits.append(place)
        place = data.find(word, place + len(word))
    return hits
