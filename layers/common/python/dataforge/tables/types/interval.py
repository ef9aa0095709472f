"""``interval``: months, days and microseconds, as PostgreSQL has them. GTFS times beyond 24:00 are intervals."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from dataforge.postgres.sql import Sql
from dataforge.tables.types.base import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

_SECOND, _MINUTE, _HOUR, _DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
_MONTH_DAYS = 30
"""Comparing, PostgreSQL counts a month as 30 days, and a day as 24 hours."""

_CLOCK = r"([+-]?)([0-9]{1,9}):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,6}))?)?"
_PART = r"(?:([+-]?[0-9]{1,9}) %s)? ?"
_WORDS = re.compile(
    "".join(_PART % unit for unit in ("years?", "mon(?:s|th(?:s)?)?", "days?")) + f"(?:{_CLOCK})?"
)
_MINUTES = re.compile(r"([+-]?)([0-5]?[0-9]):([0-5]?[0-9])\.([0-9]{1,6})")
"""With a fraction, PostgreSQL reads two numbers as minutes and seconds."""
_ISO = re.compile(
    r"P(?:([+-]?[0-9]{1,9})Y)?(?:([+-]?[0-9]{1,9})M)?(?:([+-]?[0-9]{1,9})W)?(?:([+-]?[0-9]{1,9})D)?"
    r"(?:T(?:([+-]?[0-9]{1,9})H)?(?:([+-]?[0-9]{1,9})M)?(?:([+-]?)([0-9]{1,9})(?:\.([0-9]{1,6}))?S)?)?"
)


@dataclass(frozen=True)
class Interval:
    """A length of time. ``1 month`` and ``30 days`` are equal to PostgreSQL, but not the same."""

    months: int = 0
    days: int = 0
    microseconds: int = 0

    @property
    def length(self) -> int:
        """Microseconds, as PostgreSQL compares intervals."""
        return (self.months * _MONTH_DAYS + self.days) * _DAY + self.microseconds


class IntervalType(ColumnType):
    """``interval``; texts as PostgreSQL writes them (``1 year 2 mons 3 days 25:10:00``; ``1:26.5`` is a minute and more)
    or as ISO 8601 (``P1DT2H``).
    """

    name, python, oid, quoting = "interval", Interval, 1186, "sometimes"

    @property
    def athena(self) -> str:
        return "string"

    def parse(self, value: Any) -> Interval:
        if isinstance(value, Interval):
            return value
        if isinstance(value, str) and value.strip():
            found = _from_words(value) or _from_minutes(value) or _from_iso(value)
            if found is not None and max(abs(found.months), abs(found.days)) < 2**31:
                return found
        raise PydanticCustomError(
            "interval_parsing", "Input should be an interval, such as 25:10:00, 3 days 04:05:06 or P1DT2H"
        )

    def text(self, value: Interval) -> str:
        years, months = _divide(value.months, 12)
        parts, negative = [], False
        for number, unit in ((years, "year"), (months, "mon"), (value.days, "day")):
            if number:
                sign = "+" if negative and number > 0 else ""
                parts.append(f"{sign}{number} {unit}{'' if number == 1 else 's'}")
                negative = number < 0
        if value.microseconds or not parts:
            sign = "-" if value.microseconds < 0 else "+" if negative else ""
            parts.append(sign + _clock(abs(value.microseconds)))
        return " ".join(parts)

    def equality(self, value: Interval) -> str:
        return str(value.length)

    def sort_key(self, value: Interval) -> Any:
        return value.length

    def checks(self, name: Sql, *, lower: bool, upper: bool) -> Iterator[Sql]:  # noqa: ARG002
        # From PostgreSQL 17 on, intervals may be infinite.
        yield Sql("isfinite({})").format(name)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def sample(self) -> Any:
        return "25:10:00"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.string()

    def texts(self, values: pa.Array) -> pa.Array:
        return values

    def identity(self, value: Sql) -> Sql:
        return Sql("{}::text").format(value)

    def binary(self, values: pa.Array) -> pa.Array:
        from dataforge.bulk.binary_fields import one_by_one

        return one_by_one(values, self._send)

    def _send(self, text: str) -> bytes:
        value = self.parse(text)
        return struct.pack(">qii", value.microseconds, value.days, value.months)

    def core(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ARG002
        return core_schema.is_instance_schema(Interval)


def _divide(number: int, by: int) -> tuple[int, int]:
    """Quotient and remainder, both with the number's sign."""
    quotient, remainder = divmod(abs(number), by)
    return (quotient, remainder) if number >= 0 else (-quotient, -remainder)


def _clock(microseconds: int) -> str:
    hours, rest = divmod(microseconds, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    seconds, fraction = divmod(rest, _SECOND)
    tail = f".{fraction:06d}".rstrip("0") if fraction else ""
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{tail}"


def _from_words(text: str) -> Interval | None:
    match = _WORDS.fullmatch(text.strip())
    if match is None:
        return None
    years, months, days, sign, hours, minutes, seconds, fraction = match.groups()
    microseconds = int(hours or 0) * _HOUR + int(minutes or 0) * _MINUTE + int(seconds or 0) * _SECOND
    microseconds += int((fraction or "").ljust(6, "0"))
    return Interval(
        int(years or 0) * 12 + int(months or 0),
        int(days or 0),
        -microseconds if sign == "-" else microseconds,
    )


def _from_minutes(text: str) -> Interval | None:
    match = _MINUTES.fullmatch(text.strip())
    if match is None:
        return None
    sign, minutes, seconds, fraction = match.groups()
    microseconds = int(minutes) * _MINUTE + int(seconds) * _SECOND + int(fraction.ljust(6, "0"))
    return Interval(microseconds=-microseconds if sign == "-" else microseconds)


def _from_iso(text: str) -> Interval | None:
    match = _ISO.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    years, months, weeks, days, hours, minutes, sign, seconds, fraction = match.groups()
    small = int(seconds or 0) * _SECOND + int((fraction or "").ljust(6, "0"))
    return Interval(
        int(years or 0) * 12 + int(months or 0),
        int(weeks or 0) * 7 + int(days or 0),
        int(hours or 0) * _HOUR + int(minutes or 0) * _MINUTE + (-small if sign == "-" else small),
    )


INTERVAL = IntervalType()
