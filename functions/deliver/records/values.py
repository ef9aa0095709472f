"""Values in a query: of the column's type, but not bound by its rule, for ``review_score=lt.6`` is a fair question."""

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
"""By storage type: what a value must be, and PostgreSQL's type to compare as, wide enough for every such value."""

_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,"()]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_value(column: Column, text: str) -> str:
    """The value as PostgreSQL reads it. Raises ``ValueError`` (pydantic's, too) if it is none of the column's type."""
    value = _adapter(column.type.name).validate_python(text)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def sql_type(column: Column) -> Sql:
    """PostgreSQL's type that values are compared as."""
    return _TYPES[column.type.name][1]


def read_list(text: str) -> list[str]:
    """The items of ``(a,"b, c","say \\"d\\"")``, which is PostgREST's way. Raises ``ValueError``."""
    if not (text.startswith("(") and text.endswith(")")):
        raise ValueError(
            'a list is written (a,b), with "quotes" around what holds commas, quotes or parentheses'
        )
    inner, place = text[1:-1], 0
    items: list[str] = []
    while inner and place <= len(inner):
        match = _ITEM.match(inner, place)
        if match:
            place = match.end()
        if place < len(inner) and inner[place] != ",":
            raise ValueError(f"there must be a comma after item {len(items) + 1} of the list")
        items.append(_text(match))
        place += 1
    return items


def _text(item: re.Match[str] | None) -> str:
    if item is None:
        return ""
    quoted, plain = item.groups()
    return plain if quoted is None else _ESCAPED.sub(r"\1", quoted)


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_TYPES[kind][0])
