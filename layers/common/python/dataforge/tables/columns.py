"""Types and markers for the columns of a row model: ``Annotated[<type>, <marker>, ...]``.

DDL, validation, COPY, Parquet and JSON Schema are derived from them. The parsers below restrict pydantic to what PostgreSQL
reads in the same way: "1_000", a Unix time and "١٢" are errors in both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AllowInfNan,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
    ValidationInfo,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from dataforge.tables.cleaning import Clean
from dataforge.tables.types import documents, floats, interval, numbers, times


@dataclass(frozen=True)
class Key:
    """Part of the primary key, in the order of the columns: ``order_id: Annotated[HexId, Key()]``."""


@dataclass(frozen=True)
class References:
    """A foreign key to a table of the same dataset: ``customer_id: Annotated[HexId, References("customers")]``.

    ``to``: the referenced columns, which are the key of ``table`` or unique; default: its key. NULL references no row.
    Without ``enforced``, PostgreSQL has no constraint: rows without a parent are stored, and a migration's report counts
    them. Several columns are declared by a keyword of the class, ``class Game(Row, …, references=(References("teams",
    columns=("season", "home"), to=("season", "code")),))``.
    """

    table: str
    to: str | tuple[str, ...] = ()
    columns: str | tuple[str, ...] = ()
    enforced: bool = True

    @property
    def own(self) -> tuple[str, ...]:
        """The columns that refer; none, if the marker of a column declares the reference."""
        return (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)

    @property
    def target(self) -> tuple[str, ...]:
        """The columns that are referenced; none for the key."""
        return (self.to,) if isinstance(self.to, str) else tuple(self.to)


@dataclass(frozen=True)
class Unique:
    """No two rows have the same value, except NULL: ``code: Annotated[Label, Unique()]``.

    Several columns are declared by a keyword of the class: ``class Game(Row, …, unique=(("season", "home"),))``.
    """


@dataclass(frozen=True)
class Header:
    """The column's names in files: ``order_id: Annotated[Integer, Header("Order ID")]``.

    A file has one of several ``names``; without one, the column's own. ``optional``: a file may lack the column, whose
    value is then NULL or its default: ``score: Annotated[Integer, Header(optional=True)] = 0``.
    """

    names: tuple[str, ...]
    optional: bool = False

    def __init__(self, *names: str, optional: bool = False) -> None:
        if not all(isinstance(name, str) for name in names) or len({*names}) < len(names):
            raise ValueError(
                f"Header{names} is wrong: its names are different texts, such as Header('Order ID')"
            )
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "optional", optional)


@dataclass(frozen=True)
class Renamed:
    """The column's former name: ``score: Annotated[Integer, Renamed("points")]``. The deployment renames the column.

    It has no effect once the column has its new name.
    """

    name: str


@dataclass(frozen=True)
class Digest:
    """The column is the MD5 of earlier text columns: ``Annotated[HexId, Key(), Digest(("author", "text"))]``.

    A key for tables whose natural key exceeds the limit of a B-tree. The values are joined by U+001F; records may omit the
    column. PostgreSQL checks it too.
    """

    columns: tuple[str, ...]

    def of(self, data: Mapping[str, Any]) -> str:
        """The digest of a row's data."""
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
class Identity:
    """PostgreSQL generates the value if a record of the API omits it: ``game_id: Annotated[Integer, Key(), Identity()]``.

    Values that are sent are stored. Files have the column: only then does a repeated migration change nothing.
    """


@dataclass(frozen=True)
class MaxBytes:
    """Limit the bytes of a text in UTF-8: ``Annotated[Text, MaxBytes(500)]``. The limit of an index is in bytes."""

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
        # int() would write out all digits of 1e999999999.
        raise PydanticKnownError("int_parsing_size")
    if isinstance(value, str) and not numbers.INTEGER_TEXT.fullmatch(value):
        raise PydanticKnownError("int_parsing")
    return value


def _decimal(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("decimal_type")
    if isinstance(value, str) and not numbers.NUMBER_TEXT.fullmatch(value):
        raise PydanticKnownError("decimal_parsing")
    return value


def _double(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    if isinstance(value, str) and not numbers.NUMBER_TEXT.fullmatch(value):
        raise PydanticKnownError("float_parsing")
    return value


def _timestamp(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise PydanticKnownError("datetime_type")
    match = times.MOMENT_TEXT.fullmatch(value)
    if not match:
        raise PydanticKnownError(
            "datetime_parsing",
            {"error": "expected YYYY-MM-DD HH:MM:SS, or ISO 8601 without an offset, with at most 6 decimals"},
        )
    if match[3]:
        raise PydanticKnownError("timezone_naive")
    return value


INTEGER_MAX = 2**31 - 1
"""PostgreSQL's largest ``integer``."""

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's ``text`` stores every character except NUL."""

Text = Annotated[str, StringConstraints(pattern=NO_NUL)]
"""Any text, stored unchanged: ``comment: Text | None = None``."""

Label = Annotated[str, StringConstraints(pattern=NO_NUL, min_length=1, max_length=200), Clean()]
"""A text of 1 to 200 characters, trimmed, which can be a key: ``code: Annotated[Label, Key()]``."""

Name = Annotated[str, StringConstraints(pattern=NO_NUL, min_length=1), Clean()]
"""A text of any length that is not empty, trimmed: ``city: Name``. It cannot be a key."""

IndexedName = Annotated[str, StringConstraints(pattern=NO_NUL, min_length=1), MaxBytes(2600), Clean()]
"""A ``Name`` that can be a key, also with some short columns: a B-tree entry has at most 2,704 bytes."""

HexId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), Clean()]
"""32 lower-case hexadecimal digits: ``order_id: Annotated[HexId, Key()]``."""

Whole = Annotated[int, BeforeValidator(_integer)]
"""An integer whose bounds the column declares: ``Annotated[Whole, Field(ge=0, le=2**40)]`` is a ``bigint``."""

Exact = Annotated[Decimal, BeforeValidator(_decimal)]
"""A decimal, never rounded: ``weight: Annotated[Exact, Field(max_digits=12, decimal_places=3)]``."""

Integer = Annotated[int, BeforeValidator(_integer), Field(ge=-INTEGER_MAX - 1, le=INTEGER_MAX), Clean()]
"""PostgreSQL's ``integer``: ``delta: Integer``."""

Count = Annotated[int, BeforeValidator(_integer), Field(ge=0, le=INTEGER_MAX), Clean()]
"""An ``integer`` from 0: ``photos: Count | None = None``."""

Ordinal = Annotated[int, BeforeValidator(_integer), Field(ge=1, le=INTEGER_MAX), Clean()]
"""An ``integer`` from 1: ``score: Annotated[Ordinal, Field(le=5)]``."""

Money = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, max_digits=10, decimal_places=2), Clean()]
"""``numeric(10,2)`` from 0: ``price: Money``. A third decimal is an error; values are never rounded."""

Double = Annotated[float, BeforeValidator(_double), AllowInfNan(False), Clean()]
"""``double precision``, finite: ``latitude: Annotated[Double, Field(ge=-90, le=90)]``."""

Timestamp = Annotated[datetime, BeforeValidator(_timestamp), Clean()]
"""``timestamp without time zone``: ``created_at: Timestamp``. A value with an offset is an error."""

SmallInt = Annotated[int, numbers.SMALLINT, Clean()]
"""``smallint``: -32,768 to 32,767."""

BigInt = Annotated[int, numbers.BIGINT, Clean()]
"""``bigint``: 64 bits."""

Real = Annotated[float, floats.REAL, Clean()]
"""``real``: the nearest 32-bit floating-point number."""

Boolean = Annotated[bool, documents.BOOLEAN, Clean()]
"""``boolean``: true, t, yes, y, on, 1, and their opposites."""

Date = Annotated[date, times.DATE, Clean()]
"""``date``: YYYY-MM-DD."""

Time = Annotated[time, times.TIME, Clean()]
"""``time without time zone``: HH:MM:SS."""

TimestampTz = Annotated[datetime, times.TIMESTAMPTZ, Clean()]
"""``timestamp with time zone``: an instant; the text needs an offset, such as Z or +02:00."""

Interval = Annotated[interval.Interval, interval.INTERVAL, Clean()]
"""``interval``: 25:10:00, ``1 day 02:00:00`` or ISO 8601 (P1DT2H)."""

Uuid = Annotated[UUID, documents.UUID, Clean()]
"""``uuid``: 32 hexadecimal digits, with or without hyphens."""

Json = Annotated[documents.Json, documents.JSONB]
"""``jsonb``: a JSON document; in files its text."""

Bytes = Annotated[bytes, documents.BYTEA, Clean()]
"""``bytea``: hexadecimal digits, with or without a leading ``\\x``."""
