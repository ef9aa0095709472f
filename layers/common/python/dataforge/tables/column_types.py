"""Storage types of columns in PostgreSQL and Parquet, and the canonical text of their values.

The canonical text is PostgreSQL's own output (DateStyle ISO, shortest round-trip doubles): COPY and the content
hash use it, so Python and PostgreSQL produce the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from dataforge.postgres.sql import Sql

DECIMAL_DIGITS = 38
"""The most digits of a 128-bit decimal in Parquet."""


@dataclass(frozen=True)
class StorageType:
    """The storage of one column type.

    ``sql``: the PostgreSQL type in DDL. ``catalog``: the same type as ``format_type`` prints it.
    ``arrow``: the Arrow/Parquet type's name. ``quoted``: whether its canonical text may need quotes in a row's text.
    ``text``: the canonical text of a value of this type.
    """

    name: str
    sql: Sql
    catalog: Sql
    arrow: str
    quoted: bool
    text: Callable[[Any], str]


def _double(value: float) -> str:
    """PostgreSQL writes an exponent from 1e15 (Python from 1e16), and no ``.0``."""
    if value == 0:
        return "0"
    text = repr(value) if abs(value) < 2**53 else _inside(value)
    if "e" in text:
        return text
    if abs(value) >= 1e15:
        whole, _, fraction = text.lstrip("-").partition(".")
        mantissa = f"{whole[0]}.{whole[1:]}{fraction}".rstrip("0").rstrip(".")
        return f"{'-' if value < 0 else ''}{mantissa}e+{len(whole) - 1}"
    return text.removesuffix(".0")


def _inside(value: float) -> str:
    """The shortest text strictly between the midpoints to the neighbouring doubles.

    Python also uses a midpoint that parses to the value; PostgreSQL does not.
    """
    text = repr(value)
    digits = sum(c.isdigit() for c in text.partition("e")[0])
    while _is_middle(text, value):
        text = f"{value:.{digits}e}"
        digits += 1
    return text


def _is_middle(text: str, value: float) -> bool:
    """Whether the text is the midpoint between the value and a neighbouring double."""
    distance = abs(Fraction(text) - Fraction(value))
    neighbours = (math.nextafter(value, bound) for bound in (-math.inf, math.inf))
    return distance in {abs(Fraction(n) - Fraction(value)) / 2 for n in neighbours if math.isfinite(n)}


def _timestamp(value: datetime) -> str:
    text = value.isoformat(sep=" ")
    return text.rstrip("0") if value.microsecond else text


def _boolean(value: bool) -> str:
    return "t" if value else "f"


def numeric(precision: int, scale: int) -> StorageType:
    """``numeric(precision, scale)``; its canonical text always has ``scale`` decimals and no negative zero."""
    sql = Sql("numeric({},{})").format(precision, scale)

    def text(value: Decimal) -> str:
        return f"{value or abs(value):.{scale}f}"

    return StorageType("numeric", sql, sql, f"decimal128({precision}, {scale})", False, text)


TEXT = StorageType("text", Sql('text COLLATE "C"'), Sql("text"), "string", True, str)
INTEGER = StorageType("integer", Sql("integer"), Sql("integer"), "int32", False, str)
BIGINT = StorageType("bigint", Sql("bigint"), Sql("bigint"), "int64", False, str)
DOUBLE = StorageType("double", Sql("double precision"), Sql("double precision"), "double", False, _double)
TIMESTAMP = StorageType(
    "timestamp",
    Sql("timestamp without time zone"),
    Sql("timestamp without time zone"),
    "timestamp[us]",
    True,
    _timestamp,
)
BOOLEAN = StorageType("boolean", Sql("boolean"), Sql("boolean"), "bool", False, _boolean)

_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_TYPES: dict[str, StorageType] = {
    kind.sql: kind for kind in (TEXT, INTEGER, BIGINT, DOUBLE, TIMESTAMP, BOOLEAN)
}


def storage_type(sql: str) -> StorageType:
    """The storage type of ``sql``, which may come from an old manifest. Raises ``KeyError`` for another type."""
    decimal = _NUMERIC.fullmatch(sql)
    return numeric(*map(int, decimal.groups())) if decimal else _TYPES[sql]
