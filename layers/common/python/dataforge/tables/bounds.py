"""Bounds of a column: those that its type has, and that some value satisfies. pydantic applies the others to no value.

Every function raises ``ValueError`` with what is wrong and the way out, like those of ``dataforge.tables.declarations``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_NUMBERS = ("integer", "bigint", "numeric", "double")
_TEXT = ("text",)
_KINDS = {
    "ge": (_NUMBERS, "numbers", "declare texts with a pattern or Literal"),
    "le": (_NUMBERS, "numbers", "declare texts with a pattern or Literal"),
    "pattern": (_TEXT, "texts", "declare numbers with Field(ge=…, le=…)"),
    "min_length": (_TEXT, "texts", "declare numbers with Field(ge=…, le=…)"),
    "max_length": (_TEXT, "texts", "declare numbers with Field(ge=…, le=…)"),
    "MaxBytes": (_TEXT, "texts", "declare numbers with Field(ge=…, le=…)"),
    "max_digits": (
        ("numeric",),
        "decimals",
        "declare the column with Exact, or whole numbers with Field(ge=…, le=…)",
    ),
    "decimal_places": (("numeric",), "decimals", "declare the column with Exact, or leave it out"),
}


def refuse_bounds(name: str, kind: str, bounds: Mapping[str, Any]) -> None:
    """Refuse bounds that are not numbers, that the column's type has not, or that no value satisfies."""
    for bound, value in bounds.items():
        kinds, plural, hint = _KINDS[bound]
        if kind not in kinds:
            raise ValueError(f"column {name}: {bound} bounds {plural} only; {hint}")
        if bound in ("ge", "le"):
            _refuse_no_number(name, bound, value)
    for low, high in (("ge", "le"), ("min_length", "max_length")):
        if low in bounds and high in bounds and bounds[low] > bounds[high]:
            raise ValueError(
                f"column {name}: no value satisfies {low}={bounds[low]} and {high}={bounds[high]}"
            )


def _refuse_no_number(name: str, bound: str, value: Any) -> None:
    try:
        finite = not isinstance(value, bool) and math.isfinite(value)
    except TypeError:
        finite = False
    if not finite:
        raise ValueError(f"column {name}: {bound}={value!r} is not a number; leave it out, or write a number")
