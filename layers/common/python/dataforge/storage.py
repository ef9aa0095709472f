"""Storage types: how a Python value of a column is kept in PostgreSQL and Parquet, and its one canonical text.

The canonical text is PostgreSQL's own output (DateStyle ISO, shortest round-trip doubles): it goes into COPY and into the
content hash, so Python and PostgreSQL agree on it to the byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class StorageType:
    """One kind of column.

    ``sql``: the PostgreSQL type, as DDL writes it. ``catalog``: the same as ``format_type`` prints it.
    ``arrow``: the Arrow/Parquet type's name. ``quoted``: whether its canonical text may need quotes in a row's text.
    ``text``: the canonical text of a value of this type.
    """

    name: str
    sql: str
    catalog: str
    arrow: str
    quoted: bool
    text: Callable[[Any], str]


def _double(value: float) -> str:
    """PostgreSQL writes an exponent from 1e15 on (Python from 1e16 on), and no ``.0``."""
    if value == 0:
        return "0"
    text = repr(value)
    if "e" in text:
        return text
    if abs(value) >= 1e15:
        whole, _, fraction = text.lstrip("-").partition(".")
        mantissa = f"{whole[0]}.{whole[1:]}{fraction}".rstrip("0").rstrip(".")
        return f"{'-' if value < 0 else ''}{mantissa}e+{len(whole) - 1}"
    return text.removesuffix(".0")


def _timestamp(value: datetime) -> str:
    text = value.isoformat(sep=" ")
    return text.rstrip("0") if value.microsecond else text


def _boolean(value: bool) -> str:
    return "t" if value else "f"


def numeric(precision: int, scale: int) -> StorageType:
    """``numeric(precision, scale)``; its canonical text always has ``scale`` decimals and no negative zero."""
    sql = f"numeric({precision},{scale})"

    def text(value: Decimal) -> str:
        return f"{value + 0 if value else abs(value):.{scale}f}"

    return StorageType("numeric", sql, sql, f"decimal128({precision}, {scale})", False, text)


TEXT = StorageType("text", 'text COLLATE "C"', "text", "string", True, str)
INTEGER = StorageType("integer", "integer", "integer", "int32", False, str)
BIGINT = StorageType("bigint", "bigint", "bigint", "int64", False, str)
DOUBLE = StorageType("double", "double precision", "double precision", "double", False, _double)
TIMESTAMP = StorageType(
    "timestamp",
    "timestamp without time zone",
    "timestamp without time zone",
    "timestamp[us]",
    True,
    _timestamp,
)
BOOLEAN = StorageType("boolean", "boolean", "boolean", "bool", False, _boolean)
