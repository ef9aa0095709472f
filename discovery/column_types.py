"""Propose the type of a column from all its values.

Candidates come from the shape of a sample, the strictest first. The first one that takes all values, as the processing
module itself reads them, is proposed; a few damaged values in a long column do not exclude a type that no accident explains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated

import pyarrow as pa

from dataforge import (
    BigInt,
    Boolean,
    Bytes,
    Double,
    IndexedName,
    Integer,
    Interval,
    Json,
    Label,
    Name,
    Numeric,
    Text,
    Time,
    Uuid,
)
from discovery.declared import Declared, literal
from discovery.formats import date_candidates, number_candidates
from discovery.shapes import NULL_WORDS
from discovery.words import words

CERTAIN_NULL_WORDS = frozenset(["NULL", r"\N", "#N/A", "(null)", "<null>"])
"""Those that mean nothing else in a column of texts."""

_TOLERATED = 0.002
"""The share of values that may be damaged in a column of a thousand values or more."""
_CHOICES = 10
_ROWS_PER_CHOICE = 50
_CHOICE = re.compile(r"[A-Za-z][A-Za-z0-9 _/&-]{0,24}")
_CHOICE_WORDS = frozenset(
    [
        "status",
        "state",
        "type",
        "kind",
        "gender",
        "sex",
        "category",
        "level",
        "mode",
        "class",
        "rating",
        "priority",
        "severity",
    ]
)
_CODE_WORDS = frozenset(
    [
        "zip",
        "zipcode",
        "postal",
        "postcode",
        "postalcode",
        "plz",
        "phone",
        "telephone",
        "tel",
        "fax",
        "mobile",
        "fips",
        "ssn",
        "isbn",
        "ean",
        "iban",
        "bic",
        "account",
    ]
)
_TRUE_FALSE = (("true", "false"), ("t", "f"), ("y", "n"), ("yes", "no"), ("on", "off"))
_FLAG_FIRST = frozenset(["is", "has", "was", "can", "should", "allow", "allows"])
_FLAG_LAST = frozenset(
    [
        "active",
        "enabled",
        "disabled",
        "deleted",
        "discontinued",
        "flag",
        "paid",
        "valid",
        "visible",
        "published",
    ]
)
_INTEGER = re.compile(r"[+-]?[0-9]+(?:\.0+)?")
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]+")
_COORDINATES = frozenset(["lat", "latitude", "lng", "lon", "long", "longitude"])
_LABEL = 200


@dataclass(frozen=True)
class Values:
    """The values of a column without NULL: distinct, the most frequent first, with their numbers.

    ``all_known``: whether these are all distinct values. ``rows``: the rows that have a value.
    """

    header: str
    texts: tuple[str, ...]
    counts: tuple[int, ...]
    all_known: bool
    rows: int
    distinct: int
    longest: int
    mean_length: float

    def without(self, nulls: frozenset[str]) -> Values:
        """The values that are none of these texts."""
        kept = [
            (text, count)
            for text, count in zip(self.texts, self.counts, strict=True)
            if text.strip() not in nulls
        ]
        return replace(
            self,
            texts=tuple(text for text, _ in kept),
            counts=tuple(count for _, count in kept),
            rows=self.rows - (sum(self.counts) - sum(count for _, count in kept)),
        )


def propose_type(values: Values, *, indexed: bool) -> Declared:
    """The type of the column. ``indexed``: whether it is part of a key or a reference."""
    nulls = frozenset(text.strip() for text in values.texts if text.strip() in NULL_WORDS)
    real = values.without(nulls)
    if not real.texts:
        return replace(
            Declared("Text", Text), nulls=tuple(sorted(nulls)), note="no values" if not nulls else ""
        )
    for candidate in _candidates(real):
        if _takes(candidate, real):
            return replace(candidate, nulls=tuple(sorted(nulls)))
    certain = nulls & CERTAIN_NULL_WORDS
    text = _text(values.without(certain), indexed=indexed)
    return replace(text, nulls=tuple(sorted(certain)))


def _takes(candidate: Declared, values: Values) -> bool:
    array = pa.array(values.texts, pa.string())
    refused = candidate.refused([array])
    if not refused:
        return True
    if candidate.source.startswith("Literal") or values.rows < 1000:
        return False
    return refused <= _TOLERATED * len(values.texts) and refused <= _TOLERATED * values.rows


def _candidates(values: Values) -> Iterator[Declared]:
    sample = [text.strip() for text in values.texts[:200] if text.strip()]
    name = words(values.header)
    yield from _shaped(sample)
    yield from _booleans(sample, name)
    if not set(name) & _CODE_WORDS:
        yield from _numbers(sample, name)
    yield from date_candidates(sample, name)
    if _mostly(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]+)?)?", sample):
        yield Declared("Time", Time)
    if _mostly(r"-?(?:[0-9]+:)?[0-9]{1,3}:[0-9]{2}(?:[.][0-9]+)?|P[0-9YMWDTHS.]+", sample):
        yield Declared("Interval", Interval)
    yield from _choices(values, name)


def _mostly(pattern: str, sample: Sequence[str]) -> bool:
    shape = re.compile(pattern)
    return sum(shape.fullmatch(text) is not None for text in sample) >= 0.95 * len(sample)


def _shaped(sample: Sequence[str]) -> Iterator[Declared]:
    """Types that hardly any other text looks like."""
    if _mostly("(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", sample):
        yield Declared("Uuid", Uuid)
    if _mostly(r"(?s)[{\[].*[}\]]", sample):
        yield Declared("Json", Json)
    if _mostly(r"(?:0x|\\x)(?:[0-9A-Fa-f]{2})*", sample):
        yield Declared("Bytes", Bytes)


def _booleans(sample: Sequence[str], name: tuple[str, ...]) -> Iterator[Declared]:
    found = {text.lower() for text in sample}
    if any(found <= set(pair) for pair in _TRUE_FALSE) and len(found) > (
        0 if found <= {"true", "false"} else 1
    ):
        yield Declared("Boolean", Boolean)
    flag = bool(name) and (name[0] in _FLAG_FIRST or name[-1] in _FLAG_LAST)
    if flag and found <= {"0", "1"}:
        yield Declared("Boolean", Boolean)


def _numbers(sample: Sequence[str], name: tuple[str, ...]) -> Iterator[Declared]:
    if any(_LEADING_ZERO.fullmatch(text) for text in sample):
        return
    if _mostly(_INTEGER.pattern, sample):
        # 20240131 may be a day; the candidates of dates decide by the name.
        yield from date_candidates(sample, name, digits_only=True)
        yield Declared("Integer", Integer)
        yield Declared("BigInt", BigInt)
        return
    yield from _plain_decimals(sample, name)
    yield from number_candidates(sample)


def _plain_decimals(sample: Sequence[str], name: tuple[str, ...]) -> Iterator[Declared]:
    if not _mostly(r"[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]+)?", sample):
        return
    scales = {len(text.partition(".")[2]) for text in sample}
    if set(name) & _COORDINATES or any("e" in text.lower() for text in sample) or max(scales) > 8:
        yield Declared("Double", Double)
    if len(scales) == 1 and 0 < max(scales) <= 4:
        scale = max(scales)
        yield _numeric(12 if scale <= 2 else 14, scale)
    yield Declared("Annotated[Decimal, Numeric()]", Annotated[Decimal, Numeric()])


def _numeric(precision: int, scale: int) -> Declared:
    return Declared(
        f"Annotated[Decimal, Numeric({precision}, {scale})]", Annotated[Decimal, Numeric(precision, scale)]
    )


def _choices(values: Values, name: tuple[str, ...]) -> Iterator[Declared]:
    """An enumeration: few texts, each often, in a column whose name or size suggests that no others occur."""
    few = values.all_known and 2 <= len(values.texts) <= _CHOICES
    if not few or not all(_CHOICE.fullmatch(text) for text in values.texts):
        return
    times = _ROWS_PER_CHOICE * (1 if set(name) & _CHOICE_WORDS else 10)
    if values.rows >= times * len(values.texts) and min(values.counts) > 1:
        yield literal(sorted(values.texts))


def _text(values: Values, *, indexed: bool) -> Declared:
    if indexed:
        short = values.longest <= _LABEL
        return Declared("Label", Label) if short else Declared("IndexedName", IndexedName)
    free = values.mean_length > 60 or any("\n" in text for text in values.texts[:1000])
    return Declared("Text", Text) if free else Declared("Name", Name)
