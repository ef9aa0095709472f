"""Convert values of Parquet's types to the texts that a CSV contains for them, without loss.

A text identifies its value: a double is written in the shortest form that is read back as the same double (a float32 as the
same float32), a timestamp with all its digits, a decimal without an exponent. A value without such a text is null, and
``unreadable_rows`` reports it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.records.violation import Violation

_WHOLE = float(2**53)
"""Every integer below it has an exact double."""

_SECOND = 10**9
_BEYOND = "<value out of range"
"""Arrow's text for dates and timestamps more than 32,767 years from year 0."""

NO_TEXT = Violation("string_unicode", "The record is not valid UTF-8")


def is_readable(kind: pa.DataType) -> bool:
    """Whether values of the type have texts."""
    kind = _plain_type(kind)
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_boolean,
        is_text,
        pa.types.is_timestamp,
        pa.types.is_date,
        pa.types.is_null,
        lambda found: isinstance(found, pa.UuidType),
    )
    return any(test(kind) for test in tests)


def is_text(kind: pa.DataType) -> bool:
    """Whether values of the type are texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def plain(column: pa.Array) -> pa.Array:
    """The values without encodings of their storage or meaning, such as dictionaries and JSON."""
    if pa.types.is_dictionary(column.type):
        return plain(column.dictionary_decode())
    return column.storage if isinstance(column.type, pa.JsonType) else column


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    return kind.storage_type if isinstance(kind, pa.JsonType) else kind


def text_of(column: pa.Array) -> pa.Array:
    """The texts of a column; null for a value without text."""
    column = plain(column)
    kind = column.type
    if is_text(kind):
        return _valid_texts(column).cast(pa.string())
    if pa.types.is_floating(kind):
        return _float_texts(column.cast(pa.float64()) if pa.types.is_float16(kind) else column)
    if pa.types.is_timestamp(kind):
        texts = _trimmed(column.cast(pa.timestamp(kind.unit)).cast(pa.string()))
        return pc.binary_join_element_wise(texts, "Z", "") if kind.tz else texts
    if pa.types.is_date64(kind):
        column = column.cast(pa.date32())
    if isinstance(kind, pa.UuidType):
        return _one_by_one(column.storage, lambda value: str(uuid.UUID(bytes=value)))
    if pa.types.is_decimal(kind):
        return _decimal_texts(column)
    return column.cast(pa.string())


def int96_texts(seconds: pa.Array, nanoseconds: pa.Array) -> pa.Array:
    """The texts of INT96 timestamps, which Arrow reads as seconds and, modulo 2**64, as nanoseconds.

    Neither is sufficient: seconds are truncated, and nanoseconds wrap outside the years 1677 to 2262.
    """
    rest = _fractions(seconds, nanoseconds)
    digits = pc.utf8_lpad(pc.cast(pa.array(rest), pa.string()), 9, "0")
    texts = pc.binary_join_element_wise(seconds.cast(pa.string()), digits, ".")
    none = pa.array((rest < 0) | (rest >= _SECOND))
    return pc.if_else(none, pa.scalar(None, pa.string()), _trimmed(texts))


def _fractions(seconds: pa.Array, nanoseconds: pa.Array) -> NDArray[np.int64]:
    """The nanoseconds within the second; outside that range for an invalid time of day."""
    whole, small = (np.asarray(pc.fill_null(c.cast(pa.int64()), 0)) for c in (seconds, nanoseconds))
    return np.asarray(small - whole * _SECOND)


def unreadable_rows(column: pa.Array, texts: pa.Array) -> Mapping[int, Violation | None]:
    """The rows whose value has no text, with the reason; None: it is not UTF-8. ``texts``: of the column."""
    values = plain(column)
    if is_text(values.type):
        lost = np.flatnonzero(np.asarray(pc.and_(pc.is_valid(values), pc.is_null(texts))))
        return dict.fromkeys(lost.tolist())
    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return {}
    beyond = pc.fill_null(pc.starts_with(texts, _BEYOND), pa.scalar(False))
    lost = np.flatnonzero(np.asarray(pc.or_(beyond, pc.and_(pc.is_valid(values), pc.is_null(texts)))))
    violation = Violation("datetime_parsing", "Input should be a date or time of the years 1 to 9999")
    return dict.fromkeys(lost.tolist(), violation)


def _trimmed(texts: pa.Array) -> pa.Array:
    """Times without trailing zeros in their fraction."""
    texts = pc.replace_substring_regex(texts, r"\.([0-9]*?)0*$", r".\1")
    return pc.replace_substring_regex(texts, r"\.$", "")


def _float_texts(column: pa.Array) -> pa.Array:
    """Whole numbers without an exponent: other tools store integers as doubles if a value is missing."""
    whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), _WHOLE))
    integers = pc.if_else(whole, column, pa.scalar(None, column.type)).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(pc.binary_join_element_wise(integers, ".0", ""), column.cast(pa.string()))


def _decimal_texts(column: pa.Array) -> pa.Array:
    """Decimals with all their digits, as in a CSV. Arrow writes small values with an exponent."""
    texts = column.cast(pa.string())
    powers = pc.match_substring(texts, "E")
    if not pc.any(powers, min_count=0).as_py():
        return texts
    written = _one_by_one(
        pc.if_else(powers, texts, pa.scalar(None, pa.string())), lambda value: f"{Decimal(value):f}"
    )
    return pc.if_else(powers, written, texts)


def _one_by_one(column: pa.Array, text: Callable[[Any], str]) -> pa.Array:
    encoded = column.dictionary_encode()
    texts = pa.array([text(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return texts.take(encoded.indices)


def _valid_texts(column: pa.Array) -> pa.Array:
    """The texts; null for those that are not UTF-8."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        lost = pa.array(_not_utf8(column))
        column = pc.if_else(lost, pa.scalar(None, pa.binary()), column.cast(pa.binary()))
    return column


def _not_utf8(column: pa.Array) -> NDArray[np.bool_]:
    """Mask of the values that are bytes and not UTF-8."""

    def broken(value: bytes | None) -> bool:
        try:
            (value or b"").decode()
        except UnicodeDecodeError:
            return True
        return False

    return np.array([broken(v) for v in column.cast(pa.binary()).to_pylist()], np.bool_)
