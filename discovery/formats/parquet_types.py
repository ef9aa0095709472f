"""The kinds of Parquet's types: the types of columns that take all their values.

An array of values of one kind is ``array of`` it; other nested values are ``json``.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from dataforge.formats.parquet_nested import is_list, is_nested
from dataforge.formats.parquet_values import is_bytes

ARRAY = "array of "
_TESTS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (lambda kind: kind in (pa.int8(), pa.int16(), pa.uint8()), "smallint"),
    (lambda kind: kind in (pa.int32(), pa.uint16()), "integer"),
    (lambda kind: kind in (pa.int64(), pa.uint32()), "bigint"),
    (lambda kind: kind == pa.uint64(), "numeric(20,0)"),
    (lambda kind: kind in (pa.float16(), pa.float32()), "real"),
    (lambda kind: kind == pa.float64(), "double"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_date, "date"),
    (lambda kind: pa.types.is_timestamp(kind) and bool(kind.tz), "timestamptz"),
    (pa.types.is_timestamp, "timestamp"),
    (pa.types.is_time, "time"),
    (pa.types.is_duration, "interval"),
    (pa.types.is_interval, "interval"),
    (is_bytes, "bytes"),
    (pa.types.is_null, "null"),
    (lambda kind: isinstance(kind, pa.UuidType), "uuid"),
    (lambda kind: isinstance(kind, pa.JsonType), "json"),
)


def kind_of(kind: pa.DataType) -> str:
    """The kind of a column's values, see ``discovery.types.typed_columns``; texts if no other is certain."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType) and not isinstance(kind, pa.UuidType | pa.JsonType):
        return kind_of(kind.storage_type)
    if is_list(kind):
        return _of_list(kind_of(kind.value_type))
    if is_nested(kind):
        return "json"
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{max(kind.scale, 0)})"
    return next((name for test, name in _TESTS if test(kind)), "string")


def _of_list(inner: str) -> str:
    if inner == "string":
        return "strings"
    return "json" if inner in {"json", "null", "strings"} or inner.startswith(ARRAY) else f"{ARRAY}{inner}"
