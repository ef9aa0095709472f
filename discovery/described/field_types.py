"""Types of fields in a Data Package's Table Schema as declared types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from dataforge import (
    BigInt,
    Boolean,
    Bytes,
    Check,
    Date,
    Format,
    Integer,
    Interval,
    Json,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from discovery.described.sql_types import declared_type, numeric, varchar
from discovery.types.declared import Declared, literal

POSTGRESQL = "postgresqlType"
"""The property of a field with the exact type; Data Forge writes it, and other programs ignore it."""

_WHOLE = frozenset(["smallint", "integer", "bigint"])
_NUMBERS = frozenset(["numeric", "double", "real"])
_MOMENTS = frozenset(["timestamp", "timestamptz"])
_TYPES: dict[str, tuple[Declared, frozenset[str]]] = {
    "string": (Declared("Text", Text), frozenset(["text"])),
    "integer": (Declared("BigInt", BigInt), _WHOLE),
    "number": (numeric(), _NUMBERS),
    "boolean": (Declared("Boolean", Boolean), frozenset()),
    "date": (Declared("Date", Date), frozenset()),
    "time": (Declared("Time", Time), frozenset()),
    "datetime": (Declared("Timestamp", Timestamp), _MOMENTS),
    "year": (Declared("Integer", Integer), frozenset()),
    "yearmonth": (Declared("Text", Text), frozenset(["text"])),
    "duration": (Declared("Interval", Interval), frozenset()),
    "geopoint": (Declared("Text", Text), frozenset(["text"])),
    "object": (Declared("Json", Json), frozenset()),
    "array": (Declared("Json", Json), frozenset()),
    "geojson": (Declared("Json", Json), frozenset()),
    "list": (Declared("Text", Text), frozenset(["text"])),
}
_DATED = {"date", "time", "datetime"}


@dataclass(frozen=True)
class FieldType:
    """``declared`` and ``kinds`` as in ``DescribedColumn``."""

    declared: Declared | None
    kinds: frozenset[str] = frozenset()


def field_type(field: Mapping[str, Any]) -> FieldType:
    """The type that a field describes; none for "any" and for types that are not known."""
    constraints = _mapping(field.get("constraints"))
    choices = constraints.get("enum") or _categories(field)
    kind = str(field.get("type") or "any")
    if kind == "string" and (texts := _texts(choices)):
        return FieldType(literal(dict.fromkeys(texts)))
    exact = _exact(field.get(POSTGRESQL))
    declared, kinds = (exact, frozenset[str]()) if exact else _TYPES.get(kind, (None, frozenset[str]()))
    if declared is None:
        return FieldType(None)
    if kind == "string" and exact is None:
        declared, kinds = _string(field, constraints, declared, kinds)
    markers = _format(kind, field)
    if kind in _DATED and markers and "%z" in str(field.get("format")):
        declared = _exact("timestamptz") or declared
    return FieldType(replace(declared, markers=(*declared.markers, *markers)), kinds)


def _string(
    field: Mapping[str, Any], constraints: Mapping[str, Any], declared: Declared, kinds: frozenset[str]
) -> tuple[Declared, frozenset[str]]:
    if field.get("format") == "uuid":
        return Declared("Uuid", Uuid), frozenset()
    if field.get("format") == "binary":
        return Declared("Bytes", Bytes, (Format(base64=True),)), frozenset()
    longest = constraints.get("maxLength")
    if isinstance(longest, int) and 0 < longest <= 10_000_000:
        return varchar(longest), frozenset()
    return declared, kinds


def _exact(written: Any) -> Declared | None:
    """The type that PostgreSQL names so."""
    if not isinstance(written, str) or len(written) > 100:
        return None
    try:
        kind = exp.DataType.build(written, dialect="postgres")
    except (SqlglotError, RecursionError, ValueError):
        return None
    return declared_type(kind, "postgres", {})


def _format(kind: str, field: Mapping[str, Any]) -> tuple[Format, ...]:
    """How the file writes the values, if the description differs from what the type reads anyway."""
    written = field.get("format")
    try:
        if kind in _DATED and isinstance(written, str) and "%" in written:
            return (Format(dates=written),)
        if kind in {"number", "integer"} and (field.get("decimalChar") or field.get("groupChar")):
            decimal, group = field.get("decimalChar") or ".", field.get("groupChar") or None
            return () if (decimal, group) == (".", None) else (Format(decimal=decimal, thousands=group),)
        if kind == "boolean" and (field.get("trueValues") or field.get("falseValues")):
            return _words(field)
    except (TypeError, ValueError, AttributeError):
        # A format that no value has, or that Data Forge does not read: the values decide.
        return ()
    return ()


def _words(field: Mapping[str, Any]) -> tuple[Format, ...]:
    true, false = tuple(field.get("trueValues") or ()), tuple(field.get("falseValues") or ())
    known = {"true", "t", "yes", "y", "on", "1"}, {"false", "f", "no", "n", "off", "0"}
    if {word.lower() for word in true} <= known[0] and {word.lower() for word in false} <= known[1]:
        return ()
    return (Format(true=true, false=false),)


def _categories(field: Mapping[str, Any]) -> list[Any] | None:
    listed = field.get("categories")
    if not isinstance(listed, list):
        return None
    return [item.get("value") if isinstance(item, dict) else item for item in listed]


def _texts(choices: Any) -> list[str]:
    """The choices if all are texts."""
    listed = choices if isinstance(choices, list) else []
    return listed if all(isinstance(choice, str) and choice for choice in listed) else []


def checks_of(name: str, field: Mapping[str, Any]) -> Iterator[Check]:
    """The bounds of a field's values."""
    constraints = _mapping(field.get("constraints"))
    signs = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    for word, sign in signs.items():
        value = constraints.get(word)
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            yield Check(name, sign, value=value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
