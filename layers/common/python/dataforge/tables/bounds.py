"""Refuse bounds that do not apply to a column's type, or that no value satisfies.

Errors are those of ``dataforge.tables.declarations``: a ``ValueError`` with the mistake and a hint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double")
_TEXT = ("text",)
_KINDS = {
    "ge": (_NUMBERS, "numbers", "limit text with a pattern or Literal"),
    "le": (_NUMBERS, "numbers", "limit text with a pattern or Literal"),
    "pattern": (_TEXT, "text", "limit numbers with Field(ge=…, le=…)"),
    "min_length": (_TEXT, "text", "limit numbers with Field(ge=…, le=…)"),
    "max_length": (_TEXT, "text", "limit numbers with Field(ge=…, le=…)"),
    "MaxBytes": (_TEXT, "text", "limit numbers with Field(ge=…, le=…)"),
    "max_digits": (
        ("numeric",),
        "decimals",
        "declare the column as Exact, or limit integers with Field(ge=…, le=…)",
    ),
    "decimal_places": (("numeric",), "decimals", "declare the column as Exact, or remove it"),
}


def refuse_bounds(name: str, kind: str, bounds: Mapping[str, Any]) -> None:
    """Refuse bounds of another type, bounds that are not numbers, and bounds that no value satisfies."""
    for bound, value in bounds.items():
        kinds, plural, hint = _KINDS[bound]
        if kind not in kinds:
            raise ValueError(f"column {name}: {bound} applies to {plural} only; {hint}")
        if bound in ("ge", "le"):
            _refuse_no_number(name, bound, value)
    for low, high in (("ge", "le"), ("min_length", "max_length")):
        if low in bounds and high in bounds and bounds[low] > bounds[high]:
            raise ValueError(
                f"column {name}: no value satisfies both {low}={bounds[low]} and {high}={bounds[high]}; correct one of them"
            )


def _refuse_no_number(name: str, bound: str, value: Any) -> None:
    try:
        finite = not isinstance(value, bool) and math.isfinite(value)
    except TypeError:
        finite = False
    if not finite:
        raise ValueError(
            f"column {name}: {bound}={value!r} is not a finite number; write a number, or remove it"
        )
