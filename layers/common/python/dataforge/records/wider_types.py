"""Types that a column could have to accept the values that it rejects: more digits, a longer text, a time of day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field
from pydantic.fields import FieldInfo

from dataforge.tables.catalogue import Column
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import INTEGER_MAX, BigInt, Integer, Interval, Timestamp, TimestampTz
from dataforge.tables.fields import read_rule
from dataforge.tables.types.numbers import NUMBER_TEXT, Numeric, WholeNumber
from dataforge.tables.types.text import Text

_OTHER = {
    "smallint": ((Integer, "Integer", "are integers beyond 16 bits"), (BigInt, "BigInt", "need 64 bits")),
    "integer": ((BigInt, "BigInt", "are integers beyond 32 bits"),),
    "date": (
        (Timestamp, "Timestamp", "have a time of day"),
        (TimestampTz, "TimestampTz", "have a time and an offset"),
    ),
    "timestamp": ((TimestampTz, "TimestampTz", "have an offset"),),
    "timestamptz": ((Timestamp, "Timestamp", "have no offset"),),
    "time": ((Interval, "Interval", "are lengths of time"),),
}
_UNBOUNDED = (None, INTEGER_MAX, -INTEGER_MAX - 1)
_LONGEST = 1_000
"""Digits of a number and characters of a text that a suggestion has."""


def wider_types(column: Column, values: Iterable[str]) -> Iterator[tuple[Column, str, str]]:
    """The column with each type, the declaration of the type, and the evidence as a predicate."""
    if column.rule.choices or column.rule.pattern or column.rule.digest:
        return
    kind = column.type.name
    bounds = Field(
        ge=None if column.rule.ge in _UNBOUNDED else column.rule.ge,
        le=None if column.rule.le in _UNBOUNDED else column.rule.le,
    )
    for annotation, name, evidence in _OTHER.get(kind, ()):
        yield _typed(column, Annotated[annotation, bounds]), name, evidence
    if kind == "numeric" or isinstance(column.type, WholeNumber):
        yield from _decimals(column, bounds, values)
    if isinstance(column.type, Text):
        yield from _longer(column, values)


def _typed(column: Column, annotation: Any) -> Column:
    rule = replace(read_rule(column.name, FieldInfo.from_annotation(annotation)), nullable=column.nullable)
    return replace(column, type=rule.type, clean=rule.clean, rule=rule)


def _decimals(column: Column, bounds: Any, values: Iterable[str]) -> Iterator[tuple[Column, str, str]]:
    numbers = [Decimal(v.strip()) for v in values if len(v) < _LONGEST and NUMBER_TEXT.fullmatch(v.strip())]
    finite = [n for n in numbers if n.is_finite() and abs(n.adjusted()) < _LONGEST]
    if not finite:
        return
    own = column.type if isinstance(column.type, Numeric) else Numeric(1, 0)
    scale = max(own.scale, *(-int(n.as_tuple().exponent) for n in finite))
    whole = max((own.precision or 0) - own.scale, *(n.adjusted() + 1 for n in finite))
    wide = Numeric(whole + scale, scale)
    evidence = (
        f"have up to {f'{scale} decimals' if scale > own.scale else f'{whole} digits before the point'}"
    )
    declaration = f"Annotated[Decimal, Numeric({wide.precision}, {wide.scale})]"
    yield _typed(column, Annotated[Decimal, wide, bounds, Clean()]), declaration, evidence


def _longer(column: Column, values: Iterable[str]) -> Iterator[tuple[Column, str, str]]:
    limit = column.rule.max_length or getattr(column.type, "length", None)
    longest = max((len(value.strip()) for value in values), default=0)
    if limit is None or not limit < longest < _LONGEST:
        return
    clean = () if column.clean is None else (column.clean,)
    longer = Annotated[(str, Text(longest), *clean)]
    yield _typed(column, longer), f"Annotated[str, VarChar({longest})]", f"have up to {longest} characters"
