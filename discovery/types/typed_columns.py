"""Propose the types of columns in files whose values have types.

A column's kinds are the kinds of its values. Of JSON Lines: ``string``, ``number``, ``boolean``, ``object``, ``array``,
``strings`` (an array of nothing else), ``empty`` (an array), ``null``. Of Parquet: the types of
``discovery.formats.parquet_types``. A kind limits what the texts of the values may propose.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

import pyarrow as pa

from dataforge import (
    BIGINT,
    BOOLEAN,
    BYTEA,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    REAL,
    SMALLINT,
    TEXT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    ArrayOf,
    BigInt,
    Boolean,
    Bytes,
    Date,
    Double,
    Format,
    Integer,
    Interval,
    Json,
    Numeric,
    Real,
    SmallInt,
    Time,
    Timestamp,
    TimestampTz,
    Uuid,
)
from dataforge.formats.null_words import PROGRAM_NULL_WORDS
from dataforge.tables.types.base import ColumnType
from discovery.formats.parquet_types import ARRAY
from discovery.types.column_types import propose_text, propose_type
from discovery.types.declared import Declared
from discovery.types.values import Values

_ANY_NUMBER = Declared("Annotated[Decimal, Numeric()]", Annotated[Decimal, Numeric()])
_FIXED = {
    "smallint": Declared("SmallInt", SmallInt),
    "integer": Declared("Integer", Integer),
    "bigint": Declared("BigInt", BigInt),
    "real": Declared("Real", Real),
    "double": Declared("Double", Double),
    "boolean": Declared("Boolean", Boolean),
    "date": Declared("Date", Date),
    "timestamp": Declared("Timestamp", Timestamp),
    "timestamptz": Declared("TimestampTz", TimestampTz),
    "uuid": Declared("Uuid", Uuid),
    "time": Declared("Time", Time),
    "interval": Declared("Interval", Interval),
    "bytes": Declared("Bytes", Bytes),
    "json": Declared("Json", Json),
    "object": Declared("Json", Json),
    "array": Declared("Json", Json),
    "empty": Declared("Json", Json),
    "strings": Declared("Annotated[tuple, ArrayOf(TEXT)]", Annotated[tuple, ArrayOf(TEXT)]),
}
_ITEMS = {
    "smallint": ("SMALLINT", SMALLINT),
    "integer": ("INTEGER", INTEGER),
    "bigint": ("BIGINT", BIGINT),
    "real": ("REAL", REAL),
    "double": ("DOUBLE", DOUBLE),
    "boolean": ("BOOLEAN", BOOLEAN),
    "date": ("DATE", DATE),
    "time": ("TIME", TIME),
    "timestamp": ("TIMESTAMP", TIMESTAMP),
    "timestamptz": ("TIMESTAMPTZ", TIMESTAMPTZ),
    "interval": ("INTERVAL", INTERVAL),
    "uuid": ("UUID", UUID),
    "bytes": ("BYTEA", BYTEA),
}
"""The types of an array's elements."""
_WIDER = ("smallint", "integer", "bigint", "real", "double")
_PRECISE = frozenset(["time", "timestamp", "timestamptz", "interval"])
_MOST = 0.5
_WHOLE_NOTE = (
    "the files have floating-point numbers, all of them whole, as programs write integers with missing values"
)
_NUMBERS = frozenset([*_WIDER, "double precision", "numeric"])
_DECIMAL = re.compile(r"numeric\(([0-9]+),([0-9]+)\)")


def propose_types(
    values: Mapping[str, Values], kinds: Mapping[str, frozenset[str]]
) -> Mapping[str, Declared]:
    """The type of each column, by header; those of ``kinds`` by the kinds of their values."""
    typed = any(found - {"string", "null"} for found in kinds.values())

    def proposed(name: str) -> Declared:
        if found := kinds.get(name, frozenset()) - {"null"}:
            return _propose(values[name], found, typed=typed)
        return propose_type(values[name], indexed=False)

    if all(column.all_known for column in values.values()):
        return {name: proposed(name) for name in values}
    # Arrow validates whole columns without the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(values, pool.map(proposed, values), strict=True))


def _propose(values: Values, kinds: frozenset[str], *, typed: bool) -> Declared:
    if kinds == {"string"}:
        return _of_strings(values, typed=typed)
    if kinds == {"number"}:
        return _of_numbers(values)
    if kinds <= {"strings", "empty"} and "strings" in kinds:
        return _FIXED["strings"]
    if len(kinds) == 1:
        return _of_schema(_fixed(*kinds), values)
    if kinds <= set(_WIDER):
        return _of_schema(_FIXED[max(kinds, key=_WIDER.index)], values)
    if all(kind in _WIDER or _DECIMAL.fullmatch(kind) for kind in kinds):
        return _ANY_NUMBER
    if kinds <= {"string", "number"} and (found := propose_type(values, indexed=False)).kind in _NUMBERS:
        return found
    # jsonb refuses a string that is not JSON, and a text refuses a number: of the titles of films only 1917 is one.
    texts = "string" in kinds and not kinds & {"object", "array", "strings", "empty"}
    return _of_mixed(values) if texts else _FIXED["json"]


def _of_mixed(values: Values) -> Declared:
    """Texts, with the command that makes texts of the other values, which would be rejected."""
    found = propose_text(values, indexed=False)
    convert = f"jq -c '(.{values.header} | scalars | select(. != null)) |= tostring'"
    note = (
        f"some values are JSON numbers or Booleans, and are rejected; strings load: {convert} FILE > NEW_FILE"
    )
    return replace(found, note=note)


def _of_strings(values: Values, *, typed: bool) -> Declared:
    """The type of strings. Beside columns of other types, digits in quotes are texts: the file could have numbers."""
    found = propose_type(values, indexed=False)
    return propose_text(values, indexed=False) if typed and found.kind in {*_NUMBERS, "boolean"} else found


def _of_numbers(values: Values) -> Declared:
    found = propose_type(values, indexed=False)
    formats = [marker for marker in found.markers if isinstance(marker, Format)]
    if found.kind in _NUMBERS and not formats:
        return found
    if any(marker.epoch for marker in formats):
        return found
    texts = pa.array(values.texts, pa.string())
    fitting = (kind for kind in (_FIXED["integer"], _FIXED["bigint"]) if not kind.refused(texts).any())
    return next(fitting, _ANY_NUMBER)


def _of_schema(declared: Declared, values: Values) -> Declared:
    """The type of a schema, unless values show that another one is meant."""
    if declared.kind in _PRECISE and declared.refused_texts(values.sample) > _MOST * len(values.sample):
        note = "most values have digits beyond microseconds"
        return replace(propose_text(values, indexed=False), note=note)
    return (_whole(values) if declared.kind == "double" else None) or _with_nulls(declared, values)


def _whole(values: Values) -> Declared | None:
    """The type of whole numbers that were written as floating-point numbers because a value is missing."""
    nulls = PROGRAM_NULL_WORDS & {*values.texts}
    real = values.without(nulls)
    if not real.texts or not (values.missing or nulls):
        return None
    found = propose_type(real, indexed=False)
    if found.kind not in {"integer", "bigint"} or found.markers:
        return None
    return replace(found, nulls=tuple(sorted(nulls)), note=_WHOLE_NOTE)


def _with_nulls(declared: Declared, values: Values) -> Declared:
    """The type with NaN as NULL, which some programs write for it."""
    nulls = tuple(sorted(PROGRAM_NULL_WORDS & {*values.texts}))
    return replace(declared, nulls=nulls) if declared.source in {"Real", "Double"} else declared


def _fixed(kind: str) -> Declared:
    if kind.startswith(ARRAY):
        source, item = _item(kind.removeprefix(ARRAY))
        return Declared(f"Annotated[tuple, ArrayOf({source})]", Annotated[tuple, ArrayOf(item)])
    if not _DECIMAL.fullmatch(kind):
        return _FIXED[kind]
    source, numeric = _item(kind)
    return Declared(f"Annotated[Decimal, {source}]", Annotated[Decimal, numeric])


def _item(kind: str) -> tuple[str, ColumnType]:
    if size := _DECIMAL.fullmatch(kind):
        precision, scale = int(size[1]), int(size[2])
        return f"Numeric({precision}, {scale})", Numeric(precision, scale)
    return _ITEMS[kind]
