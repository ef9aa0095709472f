"""Parse values in a query. They have the column's type, but need not satisfy its rule: ``review_score=lt.6`` is valid."""

from __future__ import annotations

import re
from decimal import Decimal

from pydantic_core import PydanticCustomError, PydanticKnownError

from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Column
from dataforge.tables.types.base import ColumnType
from dataforge.tables.types.numbers import BIGINT, Numeric, WholeNumber
from dataforge.tables.types.text import TEXT, Text

_LONGEST = 200
"""Digits of a number in a query."""

_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,"()]+)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_value(column: Column, text: str) -> str:
    """The value as PostgreSQL reads it. Raises ``ValueError`` (or pydantic's subclass) if it does not have the type."""
    kind = _widest(column.type)
    try:
        value = kind.parse(text)
    except (PydanticKnownError, PydanticCustomError) as error:
        raise ValueError(error.message()) from None
    if isinstance(value, Decimal) and max(len(value.as_tuple().digits), abs(value.adjusted())) > _LONGEST:
        raise ValueError(f"a number may have at most {_LONGEST} digits")
    return kind.text(value)


def sql_type(column: Column) -> Sql:
    """PostgreSQL's type for comparisons."""
    return column.type.compared_as


def _widest(kind: ColumnType) -> ColumnType:
    """The type that has every value a caller may compare with, as in ``review_score=lt.99999999999``."""
    if isinstance(kind, WholeNumber):
        return BIGINT
    if isinstance(kind, Numeric):
        return Numeric()
    return TEXT if isinstance(kind, Text) else kind


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
