"""Values written in many notations, and whether the proposed type reads them as they were."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from dataforge import Format
from discovery.types.column_types import propose_type
from discovery.types.declared import Declared
from discovery.types.values import Values


def values(header: str, texts: Sequence[str]) -> Values:
    counted = Counter(texts)
    lengths = [len(text) for text in texts] or [0]
    mean = sum(lengths) / len(lengths)
    return Values(
        header, tuple(counted), tuple(counted.values()), True, len(texts), len(counted), max(lengths), mean
    )


def proposed(header: str, *texts: str) -> Declared:
    return propose_type(values(header, texts), indexed=False)


_NUMBERS = {"integer", "bigint", "numeric", "double"}


def stored(declared: Declared, texts: Sequence[str]) -> list[Any]:
    """The stored values as objects of Python, for comparison with the written ones."""
    return [_object(declared.kind, text) for text in declared.canonical(pa.array(texts)).to_pylist()]


def _object(kind: str, text: str) -> Any:
    plain = text[1:-1] if text.startswith('"') else text
    match kind:
        case "integer" | "bigint" | "numeric":
            return Decimal(plain)
        case "double":
            return float(plain)
        case "boolean":
            return plain == "t"
        case "date":
            return date.fromisoformat(plain)
        case "timestamp" | "timestamptz":
            return datetime.fromisoformat(plain)
        case "time":
            return time.fromisoformat(plain)
    return plain


@dataclass(frozen=True)
class Notation:
    header: str
    values: st.SearchStrategy[Any]
    write: Callable[[Any], str]

    def __repr__(self) -> str:
        return self.write.__name__


def _grouped(decimal: str, thousands: str) -> Callable[[Any], str]:
    marks = {",": thousands, ".": decimal}
    return lambda value: "".join(marks.get(c, c) for c in f"{value:,}")


def _formatted(pattern: str) -> Callable[[Any], str]:
    return lambda value: value.strftime(pattern)


_WHOLE = st.integers(-(2**62), 2**62)
_DECIMAL = st.decimals(-(10**9), 10**9, places=2, allow_nan=False)
_DAY = st.dates(date(1975, 1, 1), date(2024, 12, 31))
"""The years that two digits can stand for."""
_MOMENT = st.datetimes(datetime(1975, 1, 1), datetime(2024, 12, 31)).map(lambda m: m.replace(microsecond=0))  # noqa: DTZ001
_INSTANT = _MOMENT.map(lambda moment: moment.replace(tzinfo=UTC))
_DAYS = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%b-%Y",
    "%B %d, %Y",
    "%Y/%m/%d",
    "%d.%m.%y",
    "%a, %d %b %Y",
)
_CLOCKS = (" %H:%M:%S", "T%H:%M:%S", " %I:%M:%S %p")
NOTATIONS = [
    Notation("n", _WHOLE, str),
    Notation("n", _WHOLE, _grouped(".", ",")),
    Notation("n", _WHOLE, _grouped(",", ".")),
    Notation("price", _DECIMAL, str),
    Notation("price", _DECIMAL, _grouped(".", ",")),
    Notation("price", _DECIMAL, _grouped(",", ".")),
    Notation("price", _DECIMAL, _grouped(",", "\xa0")),
    Notation("price", _DECIMAL, lambda value: f"${value}"),
    Notation("price", _DECIMAL, lambda value: f"{value} EUR".replace(".", ",")),
    Notation("price", _DECIMAL, lambda value: f"({-value})" if value < 0 else str(value)),
    Notation("n", _DECIMAL, lambda value: f"{value}%"),
    Notation("n", st.floats(allow_nan=False, allow_infinity=False), repr),
    Notation("paid", st.booleans(), lambda value: ("false", "true")[value]),
    Notation("paid", st.booleans(), lambda value: ("non", "oui")[value]),
    *(Notation("day", _DAY, _formatted(f)) for f in _DAYS),
    *(Notation("at", _MOMENT, _formatted(f"{d}{c}")) for d in _DAYS for c in _CLOCKS),
    *(Notation("at", _INSTANT, _formatted(f"{d}T%H:%M:%S%z")) for d in _DAYS[:3]),
    Notation("at", _INSTANT.filter(lambda value: value.year > 2001), lambda value: str(int(value.timestamp()))),
    Notation("t", st.times().map(lambda value: value.replace(microsecond=0)), str),
    Notation("t", st.times().map(lambda value: value.replace(microsecond=0)), lambda value: value.strftime("%I:%M:%S %p")),
    Notation("u", st.uuids().map(str), str),
]  # fmt: skip


def assert_read_as_written(notation: Notation, originals: Sequence[Any]) -> None:
    """The proposed type takes all values, and reads them as they were unless its note states that it guesses."""
    texts = [notation.write(value) for value in originals]
    found = proposed(notation.header, *texts)
    assert not found.refused_texts(texts)
    if found.kind != "text" and not found.note and not found.other:
        read = [
            float(value) if isinstance(original, float) else value
            for value, original in zip(stored(found, texts), originals, strict=True)
        ]
        assert [*map(_comparable, read)] == [*map(_comparable, originals)]


def assert_texts_remain_different(header: str, texts: Sequence[str]) -> None:
    """Texts with one stored value are equal numbers with the same signs, or differ in blanks only."""
    found = propose_type(values(header, texts), indexed=False)
    read = [text for text in texts if text.strip() and text.strip() not in found.nulls]
    if not read or found.refused_texts(read):
        return
    by_value: dict[Any, set[str]] = {}
    for text, value in zip(read, stored(found, read), strict=True):
        by_value.setdefault(json.dumps(value, default=str), set()).add(_meaning(found, text))
    assert all(len(meanings) == 1 for meanings in by_value.values())


def _comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value
    if isinstance(value, bool | date | time | str):
        return value
    return float(value) if isinstance(value, float) else Decimal(value)


def _meaning(declared: Declared, text: str) -> str:
    """The part that is equal in two texts with one stored value: the number and its sign, or the text without blanks."""
    if declared.kind not in _NUMBERS:
        return text.strip() if declared.kind == "text" else ""
    declared_format = next((m for m in declared.markers if isinstance(m, Format)), Format())
    number = Decimal(declared_format.rewrite("numeric", text.strip()) or "0")
    signs = "".join(sorted({c for c in text if c in "%$€"})) if number else ""
    return f"{number.normalize() + 0} {signs}"


TEXTS = st.lists(st.text("0123459.,-+%$€eE ()aZ:/", min_size=1, max_size=6), min_size=1, max_size=6)
HEADERS = st.sampled_from(["n", "price", "paid", "zip", "at"])
