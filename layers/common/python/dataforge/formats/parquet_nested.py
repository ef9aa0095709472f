"""Write nested values of Parquet, lists, structs and maps, as JSON: what columns of arrays and documents read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
_CONSTANTS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
"""JSON has none of these numbers, so that the record is rejected."""
_QUOTE = '"'
_LOST = "\0"
"""Stands for a value that has no text; it is not JSON."""

Texts = Callable[[pa.Array], pa.Array]
"""The texts of a column without nesting; null for a value without text."""


def is_list(kind: pa.DataType) -> bool:
    """Whether values of the type are lists."""
    return any(test(kind) for test in _LISTS)


def is_nested(kind: pa.DataType) -> bool:
    """Whether values of the type have further values."""
    return is_list(kind) or pa.types.is_struct(kind) or pa.types.is_map(kind)


def inner_types(kind: pa.DataType) -> list[pa.DataType]:
    """The types of the values inside one of a nested type."""
    if pa.types.is_map(kind):
        return [kind.key_type, kind.item_type]
    return [kind.value_type] if is_list(kind) else [field.type for field in kind]


def json_texts(column: pa.Array, texts: Texts) -> pa.Array:
    """The JSON of each value; null for one that contains a value without text."""
    found = (None if text is None or _LOST in text else text for text in _json(column, texts))
    return pa.array(list(found), pa.string())


def _json(column: pa.Array, texts: Texts) -> list[str | None]:
    kind = column.type
    if pa.types.is_map(kind):
        pairs = pairs_of(column)
        return _joined(pairs, _members(pairs.flatten(), texts), "{}")
    if is_list(kind):
        items = (text or "null" for text in _json(column.flatten(), texts))
        return _joined(column, items, "[]")
    if pa.types.is_struct(kind):
        return _objects(column, texts)
    return list(_scalars(column, texts))


def _joined(column: pa.Array, items: Iterator[str], brackets: str) -> list[str | None]:
    """The items of each list between brackets."""
    start, end = brackets[0], brackets[1]
    lengths = pc.list_value_length(column).to_pylist()
    return [None if n is None else f"{start}{', '.join(islice(items, n))}{end}" for n in lengths]


def pairs_of(column: pa.Array) -> pa.Array:
    """Maps as lists of objects with a key and a value."""
    kind = column.type
    return column.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))


def _members(pairs: pa.Array, texts: Texts) -> Iterator[str]:
    """The keys of maps, as strings, with their values."""
    keys = _json(pairs.field(0), texts)
    for key, value in zip(keys, _json(pairs.field(1), texts), strict=True):
        name = key or "null"
        name = name if name[0] in (_QUOTE, _LOST) else json.dumps(name)
        yield f"{name}: {value or 'null'}"


def _objects(column: pa.Array, texts: Texts) -> list[str | None]:
    names = [json.dumps(field.name, ensure_ascii=False) for field in column.type]
    rows = zip(*(_json(values, texts) for values in column.flatten()), strict=True)
    members = (
        ", ".join(f"{n}: {value or 'null'}" for n, value in zip(names, row, strict=True)) for row in rows
    )
    known = column.is_valid().to_pylist()
    written = members if names else iter([""] * len(known))
    return [f"{{{text}}}" if valid else None for text, valid in zip(written, known, strict=True)]


def _scalars(column: pa.Array, texts: Texts) -> Iterator[str | None]:
    is_json = isinstance(column.type, pa.JsonType)
    plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    is_number = any(test(plain) for test in _NUMBERS)
    valid = column.is_valid().to_pylist()
    for text, known in zip(texts(column).to_pylist(), valid, strict=True):
        if text is None:
            yield _LOST if known else None
        elif is_number or is_json:
            yield _CONSTANTS.get(text, text)
        else:
            yield json.dumps(text, ensure_ascii=False)
