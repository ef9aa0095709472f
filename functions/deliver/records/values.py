"""Parse values in a query. They have the column's type, but need not satisfy its rule: ``review_score=lt.6`` is valid."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Column
from dataforge.tables.columns import Double, Exact, Text, Timestamp, Whole

_BIG = Annotated[Whole, Field(ge=-(2**63), le=2**63 - 1)]
_TYPES: dict[str, tuple[Any, Sql]] = {
    "text": (Text, Sql("text")),
    "integer": (_BIG, Sql("bigint")),
    "bigint": (_BIG, Sql("bigint")),
    "numeric": (Annotated[Exact, Field(max_digits=200, decimal_places=100)], Sql("numeric")),
    "double": (Double, Sql("double precision")),
    "timestamp": (Timestamp, Sql("timestamp")),
    "boolean": (bool, Sql("boolean")),
}
"""By storage type: the type that validates a value, and PostgreSQL's type for the comparison, wide enough for all."""

_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,"()]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_value(column: Column, text: str) -> str:
    """The value as PostgreSQL reads it. Raises ``ValueError`` (or pydantic's subclass) if it does not have the type."""
    value = _adapter(column.type.name).validate_python(text)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def sql_type(column: Column) -> Sql:
    """PostgreSQL's type for comparisons."""
    return _TYPES[column.type.name][1]


def read_list(text: str) -> list[str]:
    """Parse a list in PostgREST's syntax: ``(a,"b, c","say \\"d\\"")``. Raises ``ValueError``."""
    if not (text.startswith("(") and text.endswith(")")):
        raise ValueError(
            'a list has the form (a,b), with "quotes" around items that contain commas, quotes or parentheses'
        )
    inner, position = text[1:-1], 0
    items: list[str] = []
    while inner and position <= len(inner):
        match = _ITEM.match(inner, position)
        if match:
            position = match.end()
        if position < len(inner) and inner[position] != ",":
            raise ValueError(f"a comma is missing after item {len(items) + 1} of the list")
        items.append(_text(match))
        position += 1
    return items


def _text(item: re.Match[str] | None) -> str:
    if item is None:
        return ""
    quoted, plain = item.groups()
    return plain if quoted is None else _ESCAPED.sub(r"\1", quoted)


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_TYPES[kind][0])
