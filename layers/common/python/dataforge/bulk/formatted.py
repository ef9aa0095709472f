"""Rewrite the texts of a column by the format of its values where the result is certain.

A result is certain for numbers without other marks than the decimal one, and for dates and times whose parts have a fixed
width. All other texts are null in the result, and ``Format.rewrite`` rewrites each distinct one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.bulk.row_hashes import text_bytes
from dataforge.tables.value_formats import Format

_WIDTHS = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}
_LEAST = {"%Y": 4}
"""The least width of directives that is not 1."""
_TIMESTAMP = b"YYYY-mm-dd HH:MM:SS"
_MIDNIGHT = b"0000-00-00 00:00:00"
_PIECES = re.compile("%.|[^%]", re.DOTALL)


def rewritten(declared: Format, kind: str, raw: pa.Array) -> pa.Array | None:
    """The texts that the column reads, null if that is not certain or the text is null; None if none is certain."""
    if kind == "text":
        texts = raw if replace(declared, **_UNUSED_BY_TEXT) == Format() else None
    elif kind in ("numeric", "double"):
        texts = _numbers(declared, raw)
    elif kind == "timestamp":
        texts = _timestamps(declared, raw)
    else:
        return None
    if texts is None or not declared.null:
        return texts
    return _null_where(pc.is_in(raw, pa.array(declared.null, pa.string())), texts)


def _null_where(mask: pa.Array, texts: pa.Array) -> pa.Array:
    return pc.if_else(mask, pa.scalar(None, pa.string()), texts)


_UNUSED_BY_MOMENTS: dict[str, Any] = {
    "decimal": ".",
    "thousands": None,
    "symbols": (),
    "true": (),
    "false": (),
    "null": (),
}
_UNUSED_BY_NUMBERS: dict[str, Any] = {
    "dates": (),
    "epoch": None,
    "century": 70,
    "true": (),
    "false": (),
    "null": (),
}
_UNUSED_BY_TEXT = _UNUSED_BY_MOMENTS | _UNUSED_BY_NUMBERS


def _numbers(declared: Format, raw: pa.Array) -> pa.Array | None:
    marks: dict[str, Any] = {"decimal": ".", "thousands": None, "symbols": ()}
    signs = set("0123456789.+-eE") & set("".join(declared.symbols))
    if signs or replace(declared, **(_UNUSED_BY_NUMBERS | marks)) != Format():
        return None
    if declared.decimal == ".":
        return raw
    texts = pc.replace_substring(raw, declared.decimal, ".")
    return _null_where(pc.match_substring(raw, "."), texts)


@dataclass(frozen=True)
class _Template:
    """A format of dates in which each part has a fixed place: for each part its first byte, and the literal bytes."""

    width: int
    least: int
    parts: tuple[tuple[str, int], ...]
    literals: tuple[tuple[int, int], ...]


@lru_cache(64)
def _templates(formats: tuple[str, ...]) -> tuple[_Template, ...]:
    """The templates of the formats of timestamps whose texts no earlier format takes."""
    found: list[_Template] = []
    for declared in formats:
        template = _template(declared)
        if template is None or any(template.width >= earlier.least for earlier in found):
            # A later format only takes the texts that are too short for the earlier ones.
            break
        found.append(template)
    return tuple(found)


def _template(declared: str) -> _Template | None:
    width, least, parts, literals = 0, 0, list[tuple[str, int]](), list[tuple[int, int]]()
    pieces = _PIECES.findall(declared)
    for piece in pieces:
        if piece in _WIDTHS:
            parts.append((piece, width))
            width, least = width + _WIDTHS[piece], least + _LEAST.get(piece, 1)
        elif piece.isascii() and not piece.startswith("%"):
            literals.append((width, ord(piece)))
            width, least = width + 1, least + 1
        else:
            return None
    # A text is stripped before it is compared with the format.
    stripped = declared == declared.strip()
    return _Template(width, least, tuple(parts), tuple(literals)) if stripped and _has_day(parts) else None


def _has_day(parts: list[tuple[str, int]]) -> bool:
    return {"%Y", "%m", "%d"} <= {name for name, _ in parts}


def _timestamps(declared: Format, raw: pa.Array) -> pa.Array | None:
    formats = declared.date_formats
    if replace(declared, **(_UNUSED_BY_MOMENTS | {"dates": (), "century": 70})) != Format():
        return None
    if not formats:
        return raw
    results = [_by_template(template, raw) for template in _templates(formats)]
    return pc.coalesce(*results) if results else None


def _by_template(template: _Template, raw: pa.Array) -> pa.Array:
    fits = np.asarray(pc.fill_null(pc.equal(pc.binary_length(raw), template.width), False))
    places = np.flatnonzero(fits)
    texts = raw if len(places) == len(raw) else raw.take(pa.array(places))
    data = np.frombuffer(text_bytes(texts), np.uint8).reshape(-1, template.width)
    good = np.ones(len(data), np.bool_)
    for place, byte in template.literals:
        good &= data[:, place] == byte
    moments = np.tile(np.frombuffer(_MIDNIGHT, np.uint8), (len(data), 1))
    for name, place in template.parts:
        digits = data[:, place : place + _WIDTHS[name]]
        good &= (digits - ord("0") < 10).all(axis=1)
        target = _TIMESTAMP.index(name[1:].encode())
        moments[:, target : target + _WIDTHS[name]] = digits
    return _scattered(moments[good], places[good], len(raw))


def _scattered(moments: NDArray[np.uint8], places: NDArray[np.int64], count: int) -> pa.Array:
    """An array in which these texts of one width are at these places, and the others are null."""
    size, width = moments.shape
    offsets = np.arange(size + 1, dtype=np.int32) * width
    buffers = (pa.py_buffer(offsets.tobytes()), pa.py_buffer(moments.tobytes()))
    texts = pa.StringArray.from_buffers(size, *buffers)
    if size == count:
        return texts
    indices = np.full(count, -1)
    indices[places] = np.arange(size)
    return texts.take(pa.array(indices, mask=indices < 0))
