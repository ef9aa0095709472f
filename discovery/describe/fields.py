"""Columns as fields of a Data Package's Table Schema."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dataforge.tables.catalogue import Column, Table
from dataforge.tables.types.numbers import WholeNumber
from dataforge.tables.value_formats import Format
from discovery.described.field_types import POSTGRESQL

_TYPES = {
    "text": "string",
    **dict.fromkeys(("smallint", "integer", "bigint"), "integer"),
    **dict.fromkeys(("numeric", "real", "double"), "number"),
    "boolean": "boolean",
    "date": "date",
    "time": "time",
    "timestamp": "datetime",
    "timestamptz": "datetime",
    "jsonb": "any",
}
"""The types of fields. The texts of other types, such as an interval of more than a day, are strings."""
_TRUE = ("true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON", "1")
_FALSE = ("false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "off", "Off", "OFF", "0")
_DATED = ("date", "time", "datetime")


def field(column: Column, header: str, table: Table) -> dict[str, Any]:
    """The field of a column. ``header``: its name in files."""
    written = column.format or Format()
    kind = _TYPES.get(column.type.name, "string")
    if written.epoch is not None:
        kind = "number"
    found: dict[str, Any] = {"name": header, "type": kind, **_notation(kind, column, written)}
    found[POSTGRESQL] = str(column.type.catalog)
    if column.description:
        found["description"] = column.description
    if written.null:
        found["missingValues"] = list(written.null)
    if limits := _constraints(column, table):
        found["constraints"] = limits
    return found


def _notation(kind: str, column: Column, written: Format) -> dict[str, Any]:
    """How the file writes the values, where the standard has a word for it."""
    if kind in _DATED and (dates := written.date_formats):
        return {"format": dates[0] if len(dates) == 1 else "any"}
    if kind in {"datetime", "time"}:
        # ISO 8601 in its variants; the standard's default is one of them.
        return {"format": "any"}
    if kind == "boolean":
        return {"trueValues": [*written.true, *_TRUE], "falseValues": [*written.false, *_FALSE]}
    if kind in {"number", "integer"}:
        return _marks(kind, written)
    if column.type.name == "uuid":
        return {"format": "uuid"}
    return {"format": "binary"} if written.base64 and column.type.name == "bytea" else {}


def _marks(kind: str, written: Format) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if kind == "number" and written.decimal != ".":
        found["decimalChar"] = written.decimal
    if written.thousands:
        found["groupChar"] = written.thousands
    if written.symbols:
        found["bareNumber"] = False
    return found


def _constraints(column: Column, table: Table) -> dict[str, Any]:
    rule = column.rule
    # Cleaning changes texts before they are validated, such as lost zeros.
    as_written = column.clean is None or not column.clean.is_extended
    length = getattr(column.type, "length", None)
    found = {
        "required": True if not column.nullable and rule.default is None else None,
        "unique": True if (column.name,) in {unique.columns for unique in table.uniques} else None,
        "enum": list(rule.choices) if rule.choices and as_written else None,
        "minimum": _bound(column, rule.ge),
        "maximum": _bound(column, rule.le),
        "pattern": rule.pattern if as_written else None,
        "minLength": rule.min_length if as_written else None,
        "maxLength": (rule.max_length or length) if as_written else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _bound(column: Column, bound: Any) -> Any:
    """A bound as JSON, unless the type has it anyway."""
    if isinstance(column.type, WholeNumber) and bound in column.type.limits:
        return None
    return float(bound) if isinstance(bound, Decimal) else bound
