"""The years of a column of dates, for the docstring of its table. Days are values of records, so that years are enough."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from discovery.types.declared import Declared

_DAYS = frozenset(["date", "timestamp", "timestamptz"])


def years(declared: Declared, values: Sequence[str]) -> tuple[str, str] | None:
    """The first and the last year of all values that the type accepts; None for other types, and without a value."""
    if declared.kind not in _DAYS or not values:
        return None
    texts = [text for text in declared.canonical(pa.array(values, pa.string())).to_pylist() if text]
    found = sorted(text.strip('"')[:4] for text in texts if not text.endswith("BC"))
    return (found[0], found[-1]) if found else None
