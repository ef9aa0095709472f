"""Describe a table's records as JSON Schema (2020-12), for documentation and clients.

The schema is narrower than ``dataforge.records.validate``, which also accepts numbers as text, and cleans text first.
"""

from __future__ import annotations

from typing import Any

from dataforge.tables.catalogue import Column, Table


def row_schema(table: Table) -> dict[str, Any]:
    """The schema of a record's data for the table."""
    return {
        "type": "object",
        "description": " ".join(filter(None, (table.description, _rows_note(table)))),
        "properties": {column.name: column_schema(column) for column in table.columns},
        "required": [column.name for column in table.columns if _is_required(column)],
        "additionalProperties": False,
    }


def _rows_note(table: Table) -> str:
    """The checks of rows, and the effect of identical records on a table without a key."""
    checks = f"Each row satisfies: {'; '.join(check.text for check in table.checks)}." if table.checks else ""
    return " ".join(filter(None, (checks, _copies_note(table))))


def _copies_note(table: Table) -> str:
    if table.is_multiset:
        return "The table has no key and keeps identical rows: each record is inserted, and on_conflict has no effect."
    return "" if table.key else "The table has no key: identical records are one row."


def column_schema(column: Column) -> dict[str, Any]:
    """The schema of one value; a column that may be NULL takes null."""
    schema = column.type.json_schema() | _limits(column)
    if column.rule.choices:
        schema = {name: schema[name] for name in ("type", "enum")}
    if column.rule.ge is not None:
        schema.pop("exclusiveMinimum", None)
    if column.nullable and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if column.rule.default is not None:
        schema["default"] = _default(column)
    if note := " ".join(filter(None, (column.description, _note(column), _cleaning(column)))):
        schema["description"] = note
    return schema


def _is_required(column: Column) -> bool:
    rule = column.rule
    return not (column.nullable or rule.digest or column.identity or rule.default is not None)


def _default(column: Column) -> Any:
    """The default as JSON: a number or a Boolean as such, everything else as its text."""
    value = column.rule.adapter.validate_python(column.rule.default)
    if isinstance(value, bool | int | float):
        return value
    return float(value) if column.type.json_schema().get("type") == "number" else column.rule.default


def _cleaning(column: Column) -> str:
    """The changes that are made to a text before it is validated."""
    if column.clean is None or not (column.type.name == "text" or column.clean.is_extended):
        return ""
    return f"Before validation: {'; '.join(column.clean.described)}." if column.clean.described else ""


def _limits(column: Column) -> dict[str, Any]:
    rule = column.rule
    if rule.choices:
        return {"enum": [*rule.choices, *([None] if column.nullable else [])]}
    limits = {
        "pattern": rule.pattern,
        "minLength": rule.min_length,
        "maxLength": rule.max_length,
        "minimum": rule.ge,
        "maximum": rule.le,
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


def _note(column: Column) -> str:
    """Constraints that JSON Schema cannot express."""
    if column.identity:
        return "Generated if omitted."
    if column.type.note:
        return column.type.note
    if column.rule.max_bytes:
        return f"At most {column.rule.max_bytes} bytes in UTF-8."
    if column.rule.digest:
        return f"Derived from {' and '.join(column.rule.digest.columns)}; omit it, or send the same value."
    return ""
