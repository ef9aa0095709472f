"""The kinds of Parquet's types: the types of columns that take all their values."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

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
    (pa.types.is_null, "null"),
    (lambda kind: isinstance(kind, pa.UuidType), "uuid"),
    (lambda kind: isinstance(kind, pa.JsonType), "json"),
)


def kind_of(kind: pa.DataType) -> str:
    """The kind of a column's values, see ``discovery.typed_columns``; texts if no other is certain."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{max(kind.scale, 0)})"
    return next((name for test, name in _TESTS if test(kind)), "string")
