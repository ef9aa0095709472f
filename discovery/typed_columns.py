"""Propose the types of columns in files whose values have types.

A column's kinds are the kinds of its values. Of JSON Lines: ``string``, ``number``, ``boolean``, ``object``, ``array``,
``strings`` (an array of nothing else), ``empty`` (an array), ``null``. Of Parquet: the types of
``discovery.parquet_types``. A kind limits what the texts of the values may propose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

import pyarrow as pa

from dataforge import (
    TEXT,
    ArrayOf,
    BigInt,
    Boolean,
    Date,
    Double,
    Format,
    Integer,
    Json,
    Numeric,
    Real,
    SmallInt,
    Timestamp,
    TimestampTz,
    Uuid,
)
from dataforge.formats.null_words import PROGRAM_NULL_WORDS
from discovery.column_types import propose_text, propose_type
from discovery.declared import Declared
from discovery.values import Values

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
    "json": Declared("Json", Json),
    "object": Declared("Json", Json),
    "array": Declared("Json", Json),
    "empty": Declared("Json", Json),
    "strings": Declared("Annotated[tuple, ArrayOf(TEXT)]", Annotated[tuple, ArrayOf(TEXT)]),
}
_WIDER = ("smallint", "integer", "bigint", "real", "double")
_NUMBERS = frozenset([*_WIDER, "double precision", "numeric"])
_DECIMAL = re.compile(r"numeric\(([0-9]+),([0-9]+)\)")


def propose_types(
    values: Mapping[str, Values], kinds: Mapping[str, frozenset[str]]
) -> Mapping[str, Declared]:
    """The type of each column, by header; those of ``kinds`` by the kinds of their values."""
    typed = any(found - {"string", "null"} for found in kinds.values())
    return {
        name: _propose(found, kinds[name] - {"null"}, typed=typed)
        if kinds.get(name, frozenset()) - {"null"}
        else propose_type(found, indexed=False)
        for name, found in values.items()
    }


def _propose(values: Values, kinds: frozenset[str], *, typed: bool) -> Declared:
    if kinds == {"string"}:
        return _of_strings(values, typed=typed)
    if kinds == {"number"}:
        return _of_numbers(values)
    if kinds <= {"strings", "empty"} and "strings" in kinds:
        return _FIXED["strings"]
    if len(kinds) == 1:
        return _with_nulls(_fixed(*kinds), values)
    if kinds <= set(_WIDER):
        return _with_nulls(_FIXED[max(kinds, key=_WIDER.index)], values)
    if all(kind in _WIDER or _DECIMAL.fullmatch(kind) for kind in kinds):
        return _ANY_NUMBER
    if kinds <= {"string", "number"} and (found := propose_type(values, indexed=False)).kind in _NUMBERS:
        return found
    # jsonb refuses a string that is not JSON, and a text refuses a number: of the titles of films only 1917 is one.
    texts = "string" in kinds and not kinds & {"object", "array", "strings", "empty"}
    return propose_text(values, indexed=False) if texts else _FIXED["json"]


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


def _with_nulls(declared: Declared, values: Values) -> Declared:
    """The type with NaN as NULL, which some programs write for it."""
    nulls = tuple(sorted(PROGRAM_NULL_WORDS & {*values.texts}))
    return replace(declared, nulls=nulls) if declared.source in {"Real", "Double"} else declared


def _fixed(kind: str) -> Declared:
    if size := _DECIMAL.fullmatch(kind):
        precision, scale = int(size[1]), int(size[2])
        return Declared(
            f"Annotated[Decimal, Numeric({precision}, {scale})]",
            Annotated[Decimal, Numeric(precision, scale)],
        )
    return _FIXED[kind]
