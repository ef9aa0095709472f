"""Floating-point numbers: ``real`` and ``double precision``."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import PydanticKnownError

from dataforge.postgres.sql import Sql
from dataforge.tables.types.base import ColumnType
from dataforge.tables.types.numbers import NUMBER_TEXT

if TYPE_CHECKING:
    import pyarrow as pa

    from dataforge.bulk.binary_fields import Bytes


class Float(ColumnType):
    """Common behaviour of ``real`` and ``double precision``: the value nearest to the text, neither NaN nor infinite."""

    bits: ClassVar[int]
    python = float

    def nearest(self, given: Any) -> float:
        """The value of the type that is nearest to the given one; raises ``OverflowError``."""
        return float(given)

    def parse(self, value: Any) -> float:
        if isinstance(value, bool):
            raise PydanticKnownError("float_type")
        if isinstance(value, str) and not NUMBER_TEXT.fullmatch(value):
            raise PydanticKnownError("float_parsing")
        if not isinstance(value, str | int | float | Decimal):
            raise PydanticKnownError("float_type")
        try:
            number = self.nearest(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise PydanticKnownError("finite_number")
        return number

    def checks(self, name: Sql, *, lower: bool, upper: bool) -> Iterator[Sql]:
        if not (lower and upper):
            yield Sql("{name} > '-Infinity' AND {name} < 'Infinity'").format(name=name)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "number"}

    def sample(self) -> Any:
        return 12.5

    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.type_for_alias("float" if self.bits == 32 else "double")

    def binary(self, values: pa.Array) -> Bytes:
        from dataforge.bulk.binary_fields import big_endian

        return big_endian(values, f">f{self.bits // 8}")


class Real(Float):
    """``real``: IEEE 754 binary32."""

    name, bits, oid = "real", 32, 700

    @property
    def athena(self) -> str:
        return "float"

    def nearest(self, given: Any) -> float:
        return nearest_single(given, float(given))

    def text(self, value: float) -> str:
        return single_text(value)

    def identity(self, value: Sql) -> Sql:
        return Sql("float4send({})").format(value)


class Double(Float):
    """``double precision``: IEEE 754 binary64."""

    name, bits, oid = "double", 64, 701

    @property
    def sql(self) -> Sql:
        return Sql("double precision")

    def text(self, value: float) -> str:
        return double_text(value)

    def identity(self, value: Sql) -> Sql:
        return Sql("float8send({})").format(value)

    def texts(self, values: pa.Array) -> pa.Array:
        from dataforge.bulk.row_texts import double_texts

        return double_texts(self, values)


REAL, DOUBLE = Real(), Double()

_NEAREST_ZERO = 2.0**-151
"""Below it, zero is the nearest float32: the smallest other one is 2**-149."""


def nearest_single(given: Any, number: float) -> float:
    """The float32 nearest to the given value. Rounding the nearest double again can be off by one: ties are exact here."""
    if not math.isfinite(number):
        return number
    if abs(number) < _NEAREST_ZERO:
        # As a fraction, 1e-999999999 has a billion digits.
        return math.copysign(0.0, number)
    try:
        single: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return math.inf
    exact = Fraction(str(given) if isinstance(given, float) else given)
    (bits,) = struct.unpack("<i", struct.pack("<f", abs(single)))
    around = [struct.unpack("<f", struct.pack("<i", b))[0] for b in (bits - 1, bits, bits + 1) if b >= 0]
    signed = [math.copysign(value, number) for value in around if math.isfinite(value)]
    # Of two at the same distance the one with an even last bit, as IEEE 754 rounds.
    return min(
        signed, key=lambda v: (abs(Fraction(v) - exact), struct.unpack("<i", struct.pack("<f", v))[0] & 1)
    )


def single_text(value: float) -> str:
    """PostgreSQL's text of a ``real``: the shortest decimal that reads as the same float32."""
    if value == 0:
        return "0"
    digits = next(d for d in range(9) if _single(f"{value:.{d}e}") == value)
    return _plain(f"{value:.{digits}e}", most=6)


def _single(text: str) -> float:
    return nearest_single(text, float(text))


def _plain(text: str, most: int) -> str:
    """A number in scientific form as PostgreSQL writes it: with an exponent below 1e-4, and from ``1e<most>`` on."""
    mantissa, _, power = text.partition("e")
    sign, exponent = ("-" if mantissa.startswith("-") else ""), int(power)
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0") or "0"
    if exponent < -4 or exponent >= most:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return f"{sign}{whole}" + (f".{fraction}" if fraction else "")


def double_text(value: float) -> str:
    """PostgreSQL's text of a ``double precision``: an exponent from 1e15 on (Python from 1e16 on), and no ``.0``."""
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
    """The shortest text strictly between the middles to the value's neighbours.

    Python also takes a middle itself where reading rounds it back to the value; PostgreSQL does not.
    """
    text = repr(value)
    digits = sum(c.isdigit() for c in text.partition("e")[0])
    while _is_middle(text, value):
        text = f"{value:.{digits}e}"
        digits += 1
    return text


def _is_middle(text: str, value: float) -> bool:
    """Whether the number is halfway between the value and one of its neighbours."""
    distance = abs(Fraction(text) - Fraction(value))
    neighbours = (math.nextafter(value, bound) for bound in (-math.inf, math.inf))
    return distance in {abs(Fraction(n) - Fraction(value)) / 2 for n in neighbours if math.isfinite(n)}
