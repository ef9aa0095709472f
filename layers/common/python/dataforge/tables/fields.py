"""Derive a column's rule from a model field: storage type, nullability, cleaning, constraints.

pydantic stores the constraints of ``X | None`` inside the union; here they are one flat list in both cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dataforge.tables.bounds import refuse_bounds
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import INTEGER_MAX, NO_NUL, Digest, MaxBytes
from dataforge.tables.declarations import refuse_choices, refuse_field, refuse_wrong_default
from dataforge.tables.patterns import refuse_pattern
from dataforge.tables.types.base import ColumnType
from dataforge.tables.types.documents import BOOLEAN
from dataforge.tables.types.floats import DOUBLE
from dataforge.tables.types.numbers import BIGINT, DECIMAL_DIGITS, INTEGER, Numeric, WholeNumber
from dataforge.tables.types.text import TEXT
from dataforge.tables.types.times import TIMESTAMP


@dataclass(frozen=True)
class ColumnRule:
    """The constraints of a value that is not NULL; None means that there is no such bound.

    ``default``: the canonical text of the value where it is missing.
    """

    type: ColumnType
    nullable: bool
    clean: Clean | None
    adapter: TypeAdapter[Any] = field(repr=False, compare=False)
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_bytes: int | None = None
    ge: Any = None
    le: Any = None
    choices: tuple[str, ...] | tuple[int, ...] = ()
    digest: Digest | None = None
    default: str | None = None


def read_rule(name: str, info: FieldInfo) -> ColumnRule:
    """The rule of a model field. Raises ``ValueError`` for a field that cannot be a column."""
    inner, metadata, nullable = _flatten(info.annotation, list(info.metadata))
    bounds = dict(_bounds(metadata))
    refuse_field(name, info, metadata, nullable=nullable)
    if get_origin(inner) is Literal:
        choices = get_args(inner)
        refuse_choices(name, choices)
        kind: ColumnType = TEXT if isinstance(choices[0], str) else INTEGER
    else:
        choices = ()
        kind = next((m for m in metadata if isinstance(m, ColumnType)), None) or _storage(name, inner, bounds)
    clean = next((m for m in reversed(metadata) if isinstance(m, Clean)), None)
    if isinstance(kind, WholeNumber):
        # pandas and spreadsheets write 7 as 7.0 if another value of the column is missing.
        clean = replace(clean or Clean(trim=False), whole=True)
    digest = next((m for m in metadata if isinstance(m, Digest)), None)
    alone = [m for m in info.metadata if not isinstance(m, Digest)]
    max_bytes = next((m.limit for m in metadata if isinstance(m, MaxBytes)), None)
    refuse_bounds(name, kind.name, bounds if max_bytes is None else bounds | {"MaxBytes": max_bytes})
    annotation: Any = Annotated[info.annotation, *alone] if alone else info.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    _refuse_unstorable(name, kind, adapter, bounds.get("pattern"))
    default = None
    if info.default not in (None, PydanticUndefined):
        refuse_wrong_default(name, info.default, adapter)
        default = kind.text(info.default)
    known = {k: bounds[k] for k in ("pattern", "min_length", "max_length", "ge", "le") if k in bounds}
    if known.get("pattern") == NO_NUL:
        del known["pattern"]
    return ColumnRule(
        kind,
        nullable,
        clean,
        adapter,
        choices=choices,
        digest=digest,
        default=default,
        max_bytes=max_bytes,
        **known,
    )


_UNSTORABLE = {
    "text": ("\0",),
    "bigint": (str(2**63), str(-(2**63) - 1)),
    "numeric": ("NaN", "Infinity"),
    "double": ("nan", "inf"),
    "timestamp": ("2000-01-01T00:00:00Z",),
}
_CLASS = re.compile(r"\\[a-wyzA-Z]")
_PLAIN = re.compile(r"\\.|\[[^^\]][^\]]*\]")


def _refuse_unstorable(name: str, kind: ColumnType, adapter: TypeAdapter[Any], pattern: str | None) -> None:
    """Refuse a column that accepts a value that PostgreSQL refuses: COPY would fail, and with it the run."""
    for value in _UNSTORABLE.get(kind.name, ()):
        with suppress(ValidationError):
            adapter.validate_python(value)
            raise ValueError(
                f"column {name} accepts {value!r}, which the PostgreSQL type {kind.catalog} cannot store; "
                "declare it with a type of dataforge, such as Text, Integer or Timestamp"
            )
    if pattern is None:
        return
    refuse_pattern(name, pattern)
    if found := _CLASS.search(pattern):
        raise ValueError(
            f"column {name} has {found[0]} in its pattern, which pydantic and PostgreSQL interpret differently; "
            r"list the characters, as in [0-9]"
        )
    anchored = pattern.startswith("^") and pattern.endswith("$")
    wild = any(sign in _PLAIN.sub("", pattern) for sign in (".", "[^"))
    if not anchored or (wild and r"\x00" not in pattern):
        raise ValueError(
            f"column {name} has a pattern that accepts NUL, which PostgreSQL cannot store; "
            r"write ^...$, and [^\x00...] for any character"
        )


def refuse_unindexable(name: str, rule: ColumnRule) -> None:
    """Refuse an indexed column that accepts values beyond the limit of an index: one row would fail the run."""
    length = getattr(rule.type, "length", None)
    bounded = length or rule.max_length or rule.max_bytes or rule.pattern or rule.choices
    if rule.type.name == "text" and not bounded:
        raise ValueError(
            f"column {name} is indexed and has no length limit; declare it as Label or IndexedName, "
            "or add Field(max_length=…)"
        )


def markers(info: FieldInfo) -> list[Any]:
    """All metadata of a model field, including that inside ``X | None``."""
    return _flatten(info.annotation, list(info.metadata))[1]


def _flatten(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any], bool]:
    """The bare type, all its metadata (innermost first), and whether None is allowed."""
    nullable = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            metadata = [*more, *metadata]
        elif origin in (Union, UnionType) and NoneType in get_args(annotation):
            annotation = Union[tuple(a for a in get_args(annotation) if a is not NoneType)]  # noqa: UP007
            nullable = True
        else:
            return annotation, metadata, nullable


def _bounds(metadata: list[Any]) -> Iterator[tuple[str, Any]]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from _bounds(item.metadata)
            continue
        for name in ("pattern", "min_length", "max_length", "ge", "le", "max_digits", "decimal_places"):
            value = getattr(item, name, None)
            if value is not None and (not isinstance(item, type) or item is StringConstraints):
                yield name, value


def _storage(name: str, bare: Any, bounds: dict[str, Any]) -> ColumnType:
    if bare is int:
        return INTEGER if bounds.get("le", INTEGER_MAX + 1) <= INTEGER_MAX else BIGINT
    if bare is Decimal:
        if not {"max_digits", "decimal_places"} <= bounds.keys():
            raise ValueError(
                f"column {name} is a Decimal without digits; write Annotated[Decimal, Numeric(12, 2)]"
            )
        if not 0 <= bounds["decimal_places"] <= bounds["max_digits"] <= DECIMAL_DIGITS:
            raise ValueError(f"column {name} needs 0 <= decimal_places <= max_digits <= {DECIMAL_DIGITS}")
        return Numeric(bounds["max_digits"], bounds["decimal_places"])
    simple = {
        str: TEXT,
        float: DOUBLE,
        bool: BOOLEAN,
        datetime: TIMESTAMP,
    }
    if bare in simple:
        return simple[bare]
    raise ValueError(
        f"column {name}: no storage type for {_type_name(bare)}. {_TYPES} Store other values as Text"
    )


_TYPES = (
    "The types are Text, Label, Name, IndexedName, HexId; SmallInt, Integer, BigInt, Count, Ordinal; Money, Real, Double; "
    "Boolean; Date, Time, Timestamp, TimestampTz, Interval; Uuid; Json; Bytes; Literal['…', …]; "
    "Annotated[str, VarChar(20)], Annotated[Decimal, Numeric(12, 2)] and Annotated[tuple, ArrayOf(INTEGER)]."
)


def _type_name(bare: Any) -> str:
    """The type as it is written in source code."""
    return (
        bare.__name__ if isinstance(bare, type) and not get_args(bare) else str(bare).replace("typing.", "")
    )
