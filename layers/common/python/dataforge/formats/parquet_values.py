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

from dataforge.formats.parquet_nested import inner_types, is_nested, json_texts
from dataforge.formats.parquet_times import interval_texts, length_text, trimmed
from dataforge.records.violation import Violation

_WHOLE = float(2**53)
"""Every integer below it has an exact double."""

_CUT = pa.timestamp("s")
_BEYOND = "<value out of range"
"""Arrow's text for dates and timestamps more than 32,767 years from year 0."""

NO_TEXT = Violation("string_unicode", "The record is not valid UTF-8")
_NO_JSON = Violation(
    "json_invalid", "Input should have texts in UTF-8, and dates and times of the years 1 to 9999 only"
)


def is_readable(kind: pa.DataType) -> bool:
    """Whether values of the type have texts.

    Inside other values, timestamps of seconds have none: they are INT96, the only one that Arrow reads so, and cut.
    """
    kind = _plain_type(kind)
    if is_nested(kind):
        return all(is_readable(inner) and inner != _CUT for inner in inner_types(kind))
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_boolean,
        is_text,
        pa.types.is_timestamp,
        pa.types.is_date,
        pa.types.is_time,
        pa.types.is_duration,
        pa.types.is_interval,
        pa.types.is_null,
        is_bytes,
        lambda found: isinstance(found, pa.UuidType),
    )
    return any(test(kind) for test in tests)


def is_text(kind: pa.DataType) -> bool:
    """Whether values of the type are texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Whether values of the type are bytes."""
    tests = (
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
        pa.types.is_binary_view,
    )
    return any(test(kind) for test in tests)


def plain(column: pa.Array) -> pa.Array:
    """The values without encodings of their storage or meaning, such as dictionaries and JSON."""
    if pa.types.is_dictionary(column.type):
        return plain(column.dictionary_decode())
    return plain(column.storage) if _is_extension(column.type) else column


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    return _plain_type(kind.storage_type) if _is_extension(kind) else kind


def _is_extension(kind: pa.DataType) -> bool:
    """Whether the type is another one with a meaning that only some programs know, as pandas's periods."""
    return isinstance(kind, pa.BaseExtensionType) and not isinstance(kind, pa.UuidType)


def text_of(column: pa.Array) -> pa.Array:
    """The texts of a column; null for a value without text."""
    column = plain(column)
    convert = next((convert for test, convert in _TEXTS if test(column.type)), _cast)
    return convert(column)


def unreadable_rows(column: pa.Array, texts: pa.Array) -> Mapping[int, Violation | None]:
    """The rows whose value has no text, with the reason; None: it is not UTF-8. ``texts``: of the column."""
    values = plain(column)
    if is_text(values.type):
        lost = np.flatnonzero(np.asarray(pc.and_(pc.is_valid(values), pc.is_null(texts))))
        return dict.fromkeys(lost.tolist())
    if is_nested(values.type):
        lost = np.flatnonzero(np.asarray(pc.and_(pc.is_valid(values), pc.is_null(texts))))
        return dict.fromkeys(lost.tolist(), _NO_JSON)
    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return {}
    beyond = pc.fill_null(pc.starts_with(texts, _BEYOND), pa.scalar(False))
    lost = np.flatnonzero(np.asarray(pc.or_(beyond, pc.and_(pc.is_valid(values), pc.is_null(texts)))))
    violation = Violation("datetime_parsing", "Input should be a date or time of the years 1 to 9999")
    return dict.fromkeys(lost.tolist(), violation)


def _known_texts(column: pa.Array) -> pa.Array:
    """The texts of a column; null where a value has none."""
    texts = text_of(column)
    lost = np.zeros(len(column), np.bool_)
    lost[list(unreadable_rows(column, texts))] = True
    return pc.if_else(pa.array(lost), pa.scalar(None, pa.string()), texts)


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


def _cast(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _timestamps(column: pa.Array) -> pa.Array:
    texts = trimmed(column.cast(pa.timestamp(column.type.unit)).cast(pa.string()))
    return pc.binary_join_element_wise(texts, "Z", "") if column.type.tz else texts


def _bytes(column: pa.Array) -> pa.Array:
    return _one_by_one(column.cast(pa.large_binary()), lambda value: f"\\x{value.hex()}")


def _durations(column: pa.Array) -> pa.Array:
    unit = column.type.unit
    return _one_by_one(column.cast(pa.int64()), lambda value: length_text(value, unit))


_TEXTS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (is_text, lambda column: _valid_texts(column).cast(pa.string())),
    (pa.types.is_float16, lambda column: _float_texts(column.cast(pa.float64()))),
    (pa.types.is_floating, _float_texts),
    (pa.types.is_timestamp, _timestamps),
    (pa.types.is_date64, lambda column: column.cast(pa.date32()).cast(pa.string())),
    (pa.types.is_decimal, _decimal_texts),
    (is_nested, lambda column: json_texts(column, _known_texts)),
    (is_bytes, _bytes),
    (pa.types.is_time, lambda column: trimmed(column.cast(pa.string()))),
    (pa.types.is_duration, _durations),
    (pa.types.is_interval, interval_texts),
    (
        lambda kind: isinstance(kind, pa.UuidType),
        lambda column: _one_by_one(column.storage, lambda value: str(uuid.UUID(bytes=value))),
    ),
)
"""How the values of each type are converted; others are cast."""
