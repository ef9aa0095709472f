"""Whole, decimal and floating-point numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import PydanticKnownError

from dataforge.postgres.sql import Sql
from dataforge.tables.types.base import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

    from dataforge.bulk.binary_fields import Bytes

INTEGER_TEXT = re.compile(r"[+-]?[0-9]+")
NUMBER_TEXT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?")
DECIMAL_DIGITS = 38
"""The most digits of a Decimal that is declared by max_digits: those of Parquet's 128-bit decimals."""
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
_MOST_DIGITS = 400
"""No integer type has a number with more digits. The limit prevents that 1e999999999 is written out."""


class WholeNumber(ColumnType):
    """Common behaviour of ``smallint``, ``integer`` and ``bigint``."""

    bits: ClassVar[int]
    python = int

    @property
    def compared_as(self) -> Sql:
        return Sql("bigint")

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest value."""
        return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1

    def parse(self, value: Any) -> int:
        _check_whole(value)
        number, (least, most) = int(value), self.limits
        if number > most:
            raise PydanticKnownError("less_than_equal", {"le": most})
        if number < least:
            raise PydanticKnownError("greater_than_equal", {"ge": least})
        return number

    def text(self, value: int) -> str:
        return str(value)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer"}

    def sample(self) -> Any:
        return 1

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.type_for_alias(f"int{self.bits}")

    def texts(self, values: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.cast(values, pa.string())

    def binary(self, values: pa.Array) -> Bytes:
        from dataforge.bulk.binary_fields import big_endian

        return big_endian(values, f">i{self.bits // 8}")


def _check_whole(value: Any) -> None:
    """Refuse what is not a whole number of a bounded length, before a conversion writes its digits out."""
    match value:
        case bool():
            raise PydanticKnownError("int_type")
        case int():
            return
        case str() if not INTEGER_TEXT.fullmatch(value):
            raise PydanticKnownError("int_parsing")
        case str() if len(value) > _MOST_DIGITS:
            raise PydanticKnownError("int_parsing_size")
        case str():
            return
        case float() | Decimal() if not math.isfinite(value):
            raise PydanticKnownError("int_from_float")
        case Decimal() if value.adjusted() > _MOST_DIGITS:
            raise PydanticKnownError("int_parsing_size")
        case float() | Decimal() if value == int(value):
            return
    raise PydanticKnownError("int_from_float" if isinstance(value, float | Decimal) else "int_type")


class SmallInt(WholeNumber):
    """``smallint``: 2 bytes."""

    name, bits, oid = "smallint", 16, 21


class Integer(WholeNumber):
    """``integer``: 4 bytes."""

    name, bits, oid = "integer", 32, 23

    @property
    def athena(self) -> str:
        return "int"


class BigInt(WholeNumber):
    """``bigint``: 8 bytes."""

    name, bits, oid = "bigint", 64, 20


@dataclass(frozen=True)
class Numeric(ColumnType):
    """``numeric(precision, scale)``, of either sign; without a precision any number of digits.

    More decimals than the scale are an error, never rounded. Without a precision a value has no zeros at its end.
    """

    precision: int | None = None
    scale: int = 0
    name: ClassVar[str] = "numeric"
    oid: ClassVar[int] = 1700
    python = Decimal

    @property
    def sql(self) -> Sql:
        if self.precision is None:
            return Sql("numeric")
        return Sql("numeric({},{})").format(self.precision, self.scale)

    @property
    def athena(self) -> str:
        fits = self.precision is not None and self.precision <= 38
        return f"decimal({self.precision},{self.scale})" if fits else "string"

    @property
    def compared_as(self) -> Sql:
        return Sql("numeric")

    def parse(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise PydanticKnownError("decimal_type")
        if isinstance(value, str) and not NUMBER_TEXT.fullmatch(value):
            raise PydanticKnownError("decimal_parsing")
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        if not number.is_finite():
            raise PydanticKnownError("finite_number")
        self._check_digits(number)
        return number

    def _check_digits(self, number: Decimal) -> None:
        decimals = max(-int(number.normalize(_EXACT).as_tuple().exponent), 0) if number else 0
        if self.precision is None:
            if decimals > 16_383 or number.adjusted() >= 131_072:
                raise PydanticKnownError("decimal_max_digits", {"max_digits": 131_072})
            return
        if decimals > self.scale:
            raise PydanticKnownError("decimal_max_places", {"decimal_places": self.scale})
        whole = self.precision - self.scale
        if number and number.adjusted() >= whole:
            raise PydanticKnownError("decimal_whole_digits", {"whole_digits": whole})

    def text(self, value: Decimal) -> str:
        number = value or abs(value)
        if self.precision is not None:
            return f"{number:.{self.scale}f}"
        text = f"{number:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def checks(self, name: Sql, *, lower: bool, upper: bool) -> Iterator[Sql]:  # noqa: ARG002
        if not upper:
            yield Sql("{} <> 'NaN'").format(name)
        if self.precision is None:
            yield Sql("{name} > '-Infinity' AND {name} < 'Infinity'").format(name=name)

    def json_schema(self) -> dict[str, Any]:
        if self.precision is None:
            return {"type": "number"}
        limit = 10 ** (self.precision - self.scale)
        return {"type": "number", "exclusiveMinimum": -limit, "exclusiveMaximum": limit}

    @property
    def note(self) -> str:
        return "" if self.precision is None else f"At most {self.scale} decimals, never rounded."

    def sample(self) -> Any:
        return 12.5 if self.scale and (self.precision or 0) - self.scale > 1 else 1

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        if self.precision is None or self.precision > 76:
            return pa.string()
        kind = pa.decimal128 if self.precision <= 38 else pa.decimal256
        return kind(self.precision, self.scale)

    def from_arrow(self, value: Any) -> Decimal:
        return Decimal(value)

    def texts(self, values: pa.Array) -> pa.Array:
        import pyarrow as pa

        return values if pa.types.is_string(values.type) else super().texts(values)

    def binary(self, values: pa.Array) -> Bytes | pa.Array:
        from dataforge.bulk.binary_fields import numeric, numerics, one_by_one

        if self.precision is not None and self.precision <= 38:
            return numerics(values)
        return one_by_one(values, lambda value: numeric(Decimal(value)))


SMALLINT, INTEGER, BIGINT = SmallInt(), Integer(), BigInt()
