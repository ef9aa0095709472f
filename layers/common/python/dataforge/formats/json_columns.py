"""Read lines of JSON Lines as columns of texts, without a Python object per line.

A line is read here only if it consists of ``{``, names, colons, values, commas and ``}`` that are found by their bytes, and
each name and value alone is valid JSON: then the line is valid, and has no other reading. ``read_line`` reads all other
lines, and those with unknown or repeated names.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataforge.formats.csv_boundaries import Offsets
from dataforge.formats.headers import IGNORED, Headers
from dataforge.formats.json_structure import Mask, Members, find_members
from dataforge.formats.strict_json import parse


@dataclass(frozen=True)
class JsonColumn:
    """The values of a column, null where a line has none.

    ``texts``: of a string its characters, of other values the JSON text. ``typed``: mask of the other values.
    """

    texts: pa.Array
    typed: Mask


@dataclass(frozen=True)
class JsonColumns:
    """Some lines of a block by column. ``lines``: their indices; ``columns``: those that any of the lines has.

    A JSON text may still be invalid: then the line is.
    """

    lines: Offsets
    columns: dict[str, JsonColumn]


def read_columns(data: bytes, ends: Offsets, names: Headers, columns: Collection[str]) -> JsonColumns:
    """The lines of a block that can be read by columns; ``ends``: the offset after each line.

    ``names`` and ``columns``: as in ``read_line``.
    """
    found = find_members(data, ends)
    good = found.whole
    read: dict[str, JsonColumn] = {}
    for column, members in _by_column(found, names, columns, good).items():
        lines = found.lines[members]
        good[lines[np.diff(lines, prepend=-1) == 0]] = False
        values = _values(found, members)
        if b"\\" in data:
            values = _decoded(values, good)
        if column.startswith(IGNORED):
            good[_invalid(values)] = False
        else:
            read[column] = values
    kept = np.flatnonzero(good)
    if len(kept) < len(good):
        read = {name: JsonColumn(c.texts.take(pa.array(kept)), c.typed[kept]) for name, c in read.items()}
    return JsonColumns(kept, read)


def _by_column(found: Members, names: Headers, columns: Collection[str], good: Mask) -> dict[str, Offsets]:
    """The members of each column, in ascending order. Lines with other names are not ``good``."""
    encoded = found.names.dictionary_encode()
    targets = [_target(name, names, columns) for name in encoded.dictionary.to_pylist()]
    known = {target: n for n, target in enumerate(dict.fromkeys(filter(None, targets)))}
    numbers = np.array([known[target] if target else -1 for target in targets], np.int16)
    number = numbers[encoded.indices.to_numpy()]
    good[found.lines[number < 0]] = False
    order = np.argsort(number, kind="stable")
    borders = np.searchsorted(number[order], np.arange(len(known) + 1))
    return {name: order[borders[n] : borders[n + 1]] for n, name in enumerate(known)}


def _target(name: str, names: Headers, columns: Collection[str]) -> str | None:
    """The column that a name in a line stands for, which may be an ignored one; None if ``read_line`` must read it."""
    key = _string(name)
    column = None if key is None else names.column(key)
    return column if column and (column.startswith(IGNORED) or column in columns) else None


def _string(raw: str) -> str | None:
    """The characters of a JSON string, given without its quotes; None if it is invalid or Arrow has no such text."""
    try:
        text = str(parse(f'"{raw}"'.encode()))
        text.encode()
    except ValueError:
        return None
    return None if "\0" in text else text


def _values(found: Members, members: Offsets) -> JsonColumn:
    lines = found.lines[members]
    places = np.full(len(found.whole), -1)
    places[lines] = members * 2
    texts = found.values.take(pa.array(places, mask=places < 0))
    typed = np.zeros(len(places), np.bool_)
    typed[lines] = ~found.strings[members]
    if not typed.any():
        return JsonColumn(texts, typed)
    null = typed & np.asarray(pc.fill_null(pc.equal(texts, "null"), False))
    return JsonColumn(pc.if_else(pa.array(null), pa.scalar(None, pa.string()), texts), typed & ~null)


def _decoded(values: JsonColumn, good: Mask) -> JsonColumn:
    """The values with the escapes in strings decoded, each distinct string once. Lines with wrong ones are not ``good``."""
    escaped = ~values.typed & np.asarray(pc.fill_null(pc.match_substring(values.texts, "\\"), False))
    lines = np.flatnonzero(escaped)
    if not len(lines):
        return values
    encoded = values.texts.take(pa.array(lines)).dictionary_encode()
    texts = pa.array(map(_string, encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)
    good[lines[np.asarray(texts.is_null())]] = False
    return JsonColumn(pc.replace_with_mask(values.texts, pa.array(escaped), texts), values.typed)


def _invalid(values: JsonColumn) -> Offsets:
    """The lines in which a JSON text is invalid."""
    lines = np.flatnonzero(values.typed)
    encoded = values.texts.take(pa.array(lines)).dictionary_encode()
    invalid = np.array([not _is_json(text) for text in encoded.dictionary.to_pylist()], np.bool_)
    return lines[invalid[encoded.indices.to_numpy()]] if invalid.any() else lines[:0]


def _is_json(text: str) -> bool:
    try:
        parse(text.encode())
    except ValueError:
        return False
    return True
