"""Dates and times. Only the years 1 to 9999 are taken, which Python, Parquet's readers and PostgreSQL all have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticKnownError

from dataforge.postgres.sql import Sql
from dataforge.tables.types.base import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

    from dataforge.bulk.binary_fields import Bytes

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6}0*)?)?"
"""Other databases write 7 or 9 decimals of a second; zeros behind the sixth change nothing."""
_OFFSET = r"[+-][0-9]{2}(?::?[0-9]{2})?"
_DAY = re.compile(_DATE)
_CLOCK = re.compile(_TIME)
MOMENT_TEXT = re.compile(rf"({_DATE})(?:[ T]({_TIME})(Z|{_OFFSET})?)?", re.IGNORECASE)
"""A date, the time and the offset."""
_MONTH_DAY = "(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TIMESTAMP_PATTERN = rf"^[0-9]{{4}}-{_MONTH_DAY}[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,6}})?$"
"""A pattern cannot express the calendar: it accepts 30 February."""
_EPOCH_DAYS = 10_957
"""PostgreSQL counts days from 2000-01-01, Arrow from 1970-01-01."""
_EPOCH = _EPOCH_DAYS * 86_400_000_000


def _fraction(text: str) -> str:
    """ISO 8601 without zeros at the end of the fraction of a second."""
    return text.rstrip("0") if "." in text else text


class Date(ColumnType):
    """``date``."""

    name, python, oid = "date", date, 1082
    order = "text"

    def parse(self, value: Any) -> date:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if not isinstance(value, str):
            raise PydanticKnownError("date_type")
        if not _DAY.fullmatch(value):
            raise PydanticKnownError("date_parsing", {"error": "expected YYYY-MM-DD"})
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise PydanticKnownError("date_parsing", {"error": "no such day in the calendar"}) from None

    def text(self, value: date) -> str:
        return value.isoformat()

    def checks(self, name: Sql, *, lower: bool, upper: bool) -> Iterator[Sql]:  # noqa: ARG002
        yield Sql("{name} >= '0001-01-01' AND {name} < '10000-01-01'").format(name=name)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}

    def sample(self) -> Any:
        return "2018-01-31"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.date32()

    def binary(self, values: pa.Array) -> Bytes:
        import pyarrow as pa
        import pyarrow.compute as pc

        from dataforge.bulk.binary_fields import big_endian

        return big_endian(pc.subtract(values.cast(pa.int32()), pa.scalar(_EPOCH_DAYS, pa.int32())), ">i4")


class Time(ColumnType):
    """``time without time zone``: 00:00 to 23:59:59.999999."""

    name, python, oid = "time", time, 1083
    order = "text"

    @property
    def sql(self) -> Sql:
        return Sql("time without time zone")

    @property
    def athena(self) -> str:
        return "bigint"

    def parse(self, value: Any) -> time:
        if isinstance(value, time) and value.tzinfo is None:
            return value
        if not isinstance(value, str):
            raise PydanticKnownError("time_type")
        if not _CLOCK.fullmatch(value):
            raise PydanticKnownError("time_parsing", {"error": "expected HH:MM:SS with at most 6 decimals"})
        try:
            return time.fromisoformat(_six_digits(value))
        except ValueError:
            raise PydanticKnownError("time_parsing", {"error": "no such time of a day"}) from None

    def text(self, value: time) -> str:
        return _fraction(value.isoformat())

    def checks(self, name: Sql, *, lower: bool, upper: bool) -> Iterator[Sql]:  # noqa: ARG002
        yield Sql("{} < '24:00:00'").format(name)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": rf"^{_TIME}$"}

    def sample(self) -> Any:
        return "12:00:00"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.time64("us")

    def from_texts(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        import pyarrow as pa
        import pyarrow.compute as pc

        moments = pc.binary_join_element_wise("1970-01-01", texts, " ")
        return pc.cast(pc.cast(moments, pa.timestamp("us")), self.arrow())

    def binary(self, values: pa.Array) -> Bytes:
        import pyarrow as pa

        from dataforge.bulk.binary_fields import big_endian

        return big_endian(values.cast(pa.int64()), ">i8")


class Timestamp(ColumnType):
    """``timestamp without time zone``; an offset is an error."""

    name, python, oid, quoting = "timestamp", datetime, 1114, "always"
    order = "text"

    @property
    def sql(self) -> Sql:
        return Sql("timestamp without time zone")

    @property
    def athena(self) -> str:
        return "timestamp"

    def parse(self, value: Any) -> datetime:
        moment, offset = _parse_moment(value)
        if offset:
            raise PydanticKnownError("timezone_naive")
        return moment

    def text(self, value: datetime) -> str:
        return _fraction(value.isoformat(sep=" "))

    def checks(self, name: Sql, *, lower: bool, upper: bool) -> Iterator[Sql]:  # noqa: ARG002
        yield Sql("{name} >= '0001-01-01' AND {name} < '10000-01-01'").format(name=name)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": TIMESTAMP_PATTERN}

    @property
    def note(self) -> str:
        return "Without time zone; an offset is an error."

    def sample(self) -> Any:
        return "2018-01-31 12:00:00"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.timestamp("us")

    def texts(self, values: pa.Array) -> pa.Array:
        from dataforge.bulk.row_texts import timestamp_texts

        return timestamp_texts(self, values)

    def binary(self, values: pa.Array) -> Bytes:
        import pyarrow as pa
        import pyarrow.compute as pc

        from dataforge.bulk.binary_fields import big_endian

        return big_endian(pc.subtract(values.cast(pa.int64()), _EPOCH), ">i8")


class TimestampTz(Timestamp):
    """``timestamp with time zone``: an instant. The text needs an offset; PostgreSQL stores and shows UTC."""

    name, oid = "timestamptz", 1184

    @property
    def sql(self) -> Sql:
        return Sql("timestamp with time zone")

    def parse(self, value: Any) -> datetime:
        moment, offset = _parse_moment(value)
        if not offset:
            raise PydanticKnownError("timezone_aware")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise PydanticKnownError(
                "datetime_parsing", {"error": "outside of the years 1 to 9999 in UTC"}
            ) from None

    def text(self, value: datetime) -> str:
        return _fraction(value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")) + "+00"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}

    @property
    def note(self) -> str:
        return "With an offset from UTC, such as Z or +02:00."

    def sample(self) -> Any:
        return "2018-01-31T12:00:00+00:00"

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.timestamp("us", "UTC")

    def texts(self, values: pa.Array) -> pa.Array:
        from dataforge.bulk.row_texts import texts_one_by_one

        return texts_one_by_one(self, values)

    def from_texts(self, texts: pa.ChunkedArray) -> pa.ChunkedArray:
        import pyarrow.compute as pc

        return pc.cast(pc.replace_substring_regex(texts, r"\+00$", "Z"), self.arrow())


def _six_digits(text: str) -> str:
    """The fraction of a second with six digits: Python 3.11 reads three or six."""
    whole, point, fraction = text.partition(".")
    return f"{whole}{point}{fraction[:6].ljust(6, '0')}" if point else text


def _parse_moment(value: Any) -> tuple[datetime, bool]:
    """The moment, and whether it has an offset."""
    if isinstance(value, datetime):
        return value, value.tzinfo is not None
    if not isinstance(value, str):
        raise PydanticKnownError("datetime_type")
    match = MOMENT_TEXT.fullmatch(value)
    if match is None:
        raise PydanticKnownError(
            "datetime_parsing",
            {"error": "expected YYYY-MM-DD HH:MM:SS, or ISO 8601, with at most 6 decimals"},
        )
    day, clock, offset = match.groups()
    text = f"{day}T{_six_digits(clock or '00:00')}"
    try:
        moment = datetime.fromisoformat(text + _full_offset(offset))
    except ValueError:
        raise PydanticKnownError("datetime_parsing", {"error": "no such time in the calendar"}) from None
    return moment, offset is not None


def _full_offset(offset: str | None) -> str:
    if offset is None:
        return ""
    if offset in "Zz":
        return "+00:00"
    digits = offset[1:].replace(":", "")
    return f"{offset[0]}{digits[:2]}:{digits[2:] or '00'}"


DATE, TIME, TIMESTAMP, TIMESTAMPTZ = Date(), Time(), Timestamp(), TimestampTz()
