"""Describe a table's records as JSON Schema (2020-12), for documentation and clients.

The schema is narrower than ``dataforge.records.validate``, which also accepts numbers as text, and cleans text first.
"""

from __future__ import annotations

import re
from typing import Any

from dataforge.tables.catalogue import Column, Table

# A pattern cannot express the calendar (no 30 February).
TIMESTAMP = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?$"
_TYPES = {
    "text": "string",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "number",
    "double": "number",
    "timestamp": "string",
    "boolean": "boolean",
}
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")


def row_schema(table: Table) -> dict[str, Any]:
    """The schema of a record's data for the table."""
    return {
        "type": "object",
        "description": table.description,
        "properties": {column.name: column_schema(column) for column in table.columns},
        "required": [c.name for c in table.columns if not c.nullable and c.rule.digest is None],
        "additionalProperties": False,
    }


def column_schema(column: Column) -> dict[str, Any]:
    """The schema of one value; a column that may be NULL takes null."""
    kind = _TYPES[column.type.name]
    schema: dict[str, Any] = {"type": [kind, "null"] if column.nullable else kind, **_limits(column)}
    if note := " ".join(filter(None, (column.description, _note(column)))):
        schema["description"] = note
    return schema


def _limits(column: Column) -> dict[str, Any]:
    rule = column.rule
    if rule.choices:
        return {"enum": [*rule.choices, *([None] if column.nullable else [])]}
    if column.type.name == "timestamp":
        return {"pattern": TIMESTAMP}
    limits = {
        "pattern": rule.pattern,
        "minLength": rule.min_length,
        "maxLength": rule.max_length,
        "minimum": rule.ge,
        "maximum": rule.le,
    }
    if match := _NUMERIC.fullmatch(column.type.sql):
        limits["exclusiveMaximum"] = 10 ** (int(match[1]) - int(match[2]))
    return {name: limit for name, limit in limits.items() if limit is not None}


def _note(column: Column) -> str:
    """Constraints that JSON Schema cannot express."""
    if match := _NUMERIC.fullmatch(column.type.sql):
        return f"At most {match[2]} decimals, never rounded."
    if column.type.name == "timestamp":
        return "Without time zone; an offset is an error."
    if column.rule.max_bytes:
        return f"At most {column.rule.max_bytes} bytes in UTF-8."
    if column.rule.digest:
        return f"Derived from {' and '.join(column.rule.digest.columns)}; omit it, or send the same value."
    return ""
