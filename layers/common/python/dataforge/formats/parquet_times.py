"""Write times and lengths of time of Parquet's types as texts: INT96, durations, intervals."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.tables.types.interval import INTERVAL, Interval

_SECOND = 10**9
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": _SECOND}
_INTERVAL_BYTES = 12
_MONTHS_DAYS_NANOSECONDS = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])


def int96_texts(seconds: pa.Array, nanoseconds: pa.Array) -> pa.Array:
    """The texts of INT96 timestamps, which Arrow reads as seconds and, modulo 2**64, as nanoseconds.

    Neither is sufficient: seconds are truncated, and nanoseconds wrap outside the years 1677 to 2262.
    """
    rest = _fractions(seconds, nanoseconds)
    digits = pc.utf8_lpad(pc.cast(pa.array(rest), pa.string()), 9, "0")
    texts = pc.binary_join_element_wise(seconds.cast(pa.string()), digits, ".")
    none = pa.array((rest < 0) | (rest >= _SECOND))
    return pc.if_else(none, pa.scalar(None, pa.string()), trimmed(texts))


def _fractions(seconds: pa.Array, nanoseconds: pa.Array) -> NDArray[np.int64]:
    """The nanoseconds within the second; outside that range for an invalid time of day."""
    whole, small = (np.asarray(pc.fill_null(c.cast(pa.int64()), 0)) for c in (seconds, nanoseconds))
    return np.asarray(small - whole * _SECOND)


def length_text(length: int, unit: str) -> str:
    """A number of units as an interval, with all its digits: an interval has at most six behind the point."""
    seconds, fraction = divmod(abs(length), _UNITS[unit])
    text = INTERVAL.text(Interval(microseconds=seconds * _UNITS["us"]))
    digits = f"{fraction:0{len(str(_UNITS[unit])) - 1}}".rstrip("0") if fraction else ""
    return f"{'-' if length < 0 else ''}{text}{'.' if digits else ''}{digits}"


def interval_texts(column: pa.Array) -> pa.Array:
    """The texts of intervals, which have months, days and nanoseconds."""
    return pa.array(
        [None if value is None else _interval(*value) for value in column.to_pylist()], pa.string()
    )


def _interval(months: int, days: int, nanoseconds: int) -> str:
    if not nanoseconds:
        return INTERVAL.text(Interval(months, days))
    whole = f"{INTERVAL.text(Interval(months, days))} " if months or days else ""
    return whole + length_text(nanoseconds, "ns")


def intervals(stored: pa.Array) -> pa.Array:
    """Parquet's INTERVAL, three numbers of 32 bits for months, days and milliseconds, as a type of Arrow."""
    filled = pc.fill_null(stored, bytes(_INTERVAL_BYTES))
    numbers = np.frombuffer(b"".join(filled.to_pylist()), "<u4").reshape(-1, 3)
    found = np.zeros(len(stored), _MONTHS_DAYS_NANOSECONDS)
    found["months"], found["days"] = numbers[:, 0].astype("<i4"), numbers[:, 1].astype("<i4")
    found["nanoseconds"] = numbers[:, 2].astype("<i8") * (_SECOND // 1000)
    buffers = [pc.is_valid(stored).buffers()[1], pa.py_buffer(found.tobytes())]
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(stored), buffers)


def trimmed(texts: pa.Array) -> pa.Array:
    """Times without trailing zeros in their fraction."""
    texts = pc.replace_substring_regex(texts, r"\.([0-9]*?)0*$", r".\1")
    return pc.replace_substring_regex(texts, r"\.$", "")
