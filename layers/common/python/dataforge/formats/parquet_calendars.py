"""Detect days before 15 October 1582 in Parquet files whose writer used the Julian calendar.

Spark before 3.0, Hive, and later versions in a legacy mode store such a day with another number, which differs by up to ten
days. Spark records it in the footer (apache/spark, DataSourceUtils: datetimeRebaseSpec, int96RebaseSpec), Hive in
``writer.date.proleptic``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.formats.parquet_nested import is_nested, pairs_of
from dataforge.records.violation import Violation

GREGORIAN = -141_427
"""15 October 1582, in days from 1970."""

JULIAN = Violation(
    "datetime_parsing",
    "Input should not be before 1582-10-15: the file records such days in the Julian calendar."
    " Hint: write it with Spark's rebase mode CORRECTED",
)

_SECONDS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY = 86_400


def is_julian(footer: Mapping[bytes, bytes] | None, *, int96: bool) -> bool:
    """Whether early dates and timestamps, and INT96, are in the Julian calendar according to the file's footer."""
    found = footer or {}
    key, since = (b"legacyINT96", (3, 1)) if int96 else (b"legacyDateTime", (3, 0))
    version = found.get(b"org.apache.spark.version")
    old = version is not None and _numbers(version) < since
    return old or b"org.apache.spark." + key in found or found.get(b"writer.date.proleptic") == b"false"


def _numbers(version: bytes) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(b".")[:2] if part.isdigit())


def early_rows(column: pa.Array) -> NDArray[np.int64]:
    """The rows whose date or timestamp is before the Gregorian calendar, also inside other values."""
    kind = column.type
    if is_nested(kind):
        return _early_inside(column)
    if pa.types.is_timestamp(kind):
        first, values = GREGORIAN * _DAY * _SECONDS[kind.unit], column.cast(pa.int64())
    elif pa.types.is_date32(kind):
        first, values = GREGORIAN, column.cast(pa.int32())
    else:
        return np.zeros(0, np.int64)
    # Nanoseconds cannot represent dates this early.
    first = max(first, -(2**63))
    return np.flatnonzero(
        np.asarray(pc.fill_null(pc.less(values, pa.scalar(first, values.type)), pa.scalar(False)))
    )


def _early_inside(column: pa.Array) -> NDArray[np.int64]:
    if pa.types.is_struct(column.type):
        found = [early_rows(values) for values in column.flatten()]
        return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))
    lists = pairs_of(column) if pa.types.is_map(column.type) else column
    rows = np.asarray(pc.list_parent_indices(lists), np.int64)
    return np.unique(rows[early_rows(lists.flatten())])
