"""The vocabulary for declaring columns: types, cleaning, keys and references.

A row model's field is ``Annotated[<type>, ...]``; everything else (DDL, validation, COPY, Parquet, JSON Schema) is derived
from it by ``dataforge.tables.catalogue``. The parsers below restrict what pydantic reads from text to what PostgreSQL reads
alike: "1_000", a Unix time and "١٢" are errors in both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AllowInfNan,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

Cleaning = Literal["trimmed", "uppercased", "emptied", "decimals_removed"]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Key:
    """The column is part of the table's primary key, in the order of the columns."""


@dataclass(frozen=True)
class References:
    """The column's value, unless NULL, must exist as the key of ``table`` (same dataset, one-column key)."""

    table: str


@dataclass(frozen=True)
class Clean:
    """What is changed in a text value before validation; every change is counted by its name.

    ``trim``: outer white space is removed ("trimmed"), and a value that is empty then is NULL ("emptied").
    ``upper``: ASCII letters become capitals ("uppercased").
    ``whole``: zeros after a decimal point are removed ("decimals_removed"): ``7.00`` is 7. Integer columns always have it.
    """

    trim: bool = True
    upper: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Digest:
    """The column's value is the MD5 (hex) of other, earlier text columns, joined by U+001F; it may be left out.

    For tables whose natural key is too long for a B-tree. PostgreSQL checks the same.
    """

    columns: tuple[str, ...]

    def of(self, data: Mapping[str, Any]) -> str:
        """The value that belongs to a row's other values."""
        text = "\x1f".join(data[name] for name in self.columns)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    def _check(self, value: str, info: ValidationInfo) -> str:
        if all(name in info.data for name in self.columns) and value != self.of(info.data):
            raise PydanticCustomError(
                "digest_mismatch",
                "Value should be the MD5 of {columns}",
                {"columns": ", ".join(self.columns)},
            )
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))


@dataclass(frozen=True)
class MaxBytes:
    """The text has at most so many bytes in UTF-8: what an index holds is bounded in bytes, not in characters."""

    limit: int

    def _check(self, value: str) -> str:
        if len(value.encode(errors="surrogatepass")) > self.limit:
            raise PydanticCustomError(
                "too_many_bytes", "Value should have at most {limit} bytes in UTF-8", {"limit": self.limit}
            )
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))


def _integer(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() > 400:
        # 1e999999999 would be written out.
        raise PydanticKnownError("int_parsing_size")
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise PydanticKnownError("int_parsing")
    return value


def _decimal(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("decimal_type")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticKnownError("decimal_parsing")
    return value


def _double(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticKnownError("float_parsing")
    return value


def _timestamp(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise PydanticKnownError("datetime_type")
    match = _TIMESTAMP.fullmatch(value)
    if not match:
        raise PydanticKnownError(
            "datetime_parsing",
            {"error": "expected YYYY-MM-DD HH:MM:SS, or ISO 8601 without an offset, with at most 6 decimals"},
        )
    if match[1]:
        raise PydanticKnownError("timezone_naive")
    return value


INTEGER_MAX = 2**31 - 1
"""PostgreSQL's largest ``integer``."""

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's ``text`` holds every character but NUL."""

Text = Annotated[str, StringConstraints(pattern=NO_NUL)]
"""Any text, kept to the character."""

Label = Annotated[str, StringConstraints(pattern=NO_NUL, min_length=1, max_length=200), Clean()]
"""A short text that is not empty. The bound keeps it fit for a B-tree key (at most 2,704 bytes)."""

Name = Annotated[str, StringConstraints(pattern=NO_NUL, min_length=1), Clean()]
"""A text of any length that is not empty. It is not fit for a key."""

IndexedName = Annotated[str, StringConstraints(pattern=NO_NUL, min_length=1), MaxBytes(2600), Clean()]
"""A name that is fit for a key, beside some short columns: a B-tree's entry has at most 2,704 bytes."""

HexId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), Clean()]
"""32 lower-case hex digits."""

Whole = Annotated[int, BeforeValidator(_integer)]
"""Any whole number."""

Exact = Annotated[Decimal, BeforeValidator(_decimal)]
"""Any decimal number, never rounded."""

Integer = Annotated[int, BeforeValidator(_integer), Field(ge=-INTEGER_MAX - 1, le=INTEGER_MAX), Clean()]
Count = Annotated[int, BeforeValidator(_integer), Field(ge=0, le=INTEGER_MAX), Clean()]
Ordinal = Annotated[int, BeforeValidator(_integer), Field(ge=1, le=INTEGER_MAX), Clean()]

Money = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, max_digits=10, decimal_places=2), Clean()]
"""numeric(10,2), not negative; a third decimal is an error, never rounded."""

Double = Annotated[float, BeforeValidator(_double), AllowInfNan(False), Clean()]

Timestamp = Annotated[datetime, BeforeValidator(_timestamp), Clean()]
"""timestamp without time zone; an offset is an error."""
