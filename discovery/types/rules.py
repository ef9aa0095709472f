"""Bounds and patterns that the values of a column have by rule and not by accident, and lost leading zeros.

A rule needs a name or a form that no accident explains, and many rows. All values obey it, without exception.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from dataforge import Clean, Count, HexId, Label, Name, Ordinal
from discovery.structure.words import is_code, is_count
from discovery.types.declared import Declared
from discovery.types.values import Values

_ROWS = 1000
_DIFFERENT = 20
"""Fewer different codes may have one form by accident."""
_LONGEST_CODE = 12
_SCALES = {
    "rating": (5, 10),
    "stars": (5,),
    "score": (5,),
    "month": (12,),
    "moy": (12,),
    "day": (31,),
    "dom": (31,),
}
"""Numbers that begin with 1, all of which occur: a scale, or a part of a date."""
_DEGREES = {"lat": 90, "latitude": 90, "lng": 180, "lon": 180, "long": 180, "longitude": 180}
_PRICES = frozenset(["price", "preis", "prix", "precio"])
_ZIP = frozenset(["zip", "zipcode", "postal", "postcode", "plz", "postleitzahl"])
_PLACES = frozenset(["state", "province", "country", "currency"])
"""Names of codes that have letters only by a standard. Three letters of an airport may have digits in the next file."""
_HEX = re.compile("[0-9a-f]{32}")


def with_rules(declared: Declared, values: Values) -> Iterator[Declared]:
    """The type with rules, the strictest first, if the values suggest any."""
    if declared.markers or declared.source.startswith("Literal"):
        return
    match declared.kind:
        case "integer":
            yield from _whole(declared, values)
        case "double" | "numeric":
            yield from _measures(declared, values)
        case "text":
            yield from _texts(declared, values)


def _whole(declared: Declared, values: Values) -> Iterator[Declared]:
    last = values.name[-1] if values.name else ""
    for highest in _SCALES.get(last, ()) if values.rows >= _ROWS else ():
        if {text.partition(".")[0].strip() for text in values.texts} == set(map(str, range(1, highest + 1))):
            yield _bounded(Declared("Ordinal", Ordinal, note=declared.note), le=highest)
    if values.rows >= _ROWS and is_count(values.name):
        yield replace(declared, source="Count", annotation=Count)


def _measures(declared: Declared, values: Values) -> Iterator[Declared]:
    last = values.name[-1] if values.name else ""
    if declared.kind == "double" and last in _DEGREES:
        yield _bounded(declared, ge=-_DEGREES[last], le=_DEGREES[last])
    if last in _PRICES and values.rows >= _ROWS:
        yield _bounded(declared, ge=0)


def _bounded(declared: Declared, **bounds: Any) -> Declared:
    written = ", ".join(f"{name}={value!r}" for name, value in bounds.items())
    inner = declared.source.removeprefix("Annotated[").removesuffix("]")
    inner = inner if declared.source.startswith("Annotated[") else declared.source
    return replace(
        declared,
        source=f"Annotated[{inner}, Field({written})]",
        annotation=Annotated[declared.annotation, Field(**bounds)],
    )


def _texts(declared: Declared, values: Values) -> Iterator[Declared]:
    if all(_HEX.fullmatch(text.strip()) for text in values.texts):
        yield replace(declared, source="HexId", annotation=HexId)
    if width := _lost_zeros(values):
        yield _with_pattern(declared, f"^[0-9]{{{width}}}$", Clean(pad="0", width=width))
    many = values.rows >= _ROWS and values.distinct >= _DIFFERENT
    form = common_form(values.texts) if many else ""
    mixed = "[A-Z]" in form and "[0-9]" in form
    if form and (mixed or is_code(values.name) or set(values.name) & _PLACES):
        yield _with_pattern(declared, form)


def _with_pattern(declared: Declared, pattern: str, *markers: Any) -> Declared:
    base = ("Label", Label) if declared.source in {"Label", "IndexedName"} else ("Name", Name)
    return replace(
        declared,
        source=f'Annotated[{base[0]}, Field(pattern=r"{pattern}")]',
        annotation=Annotated[base[1], Field(pattern=pattern)],
        markers=markers,
    )


def _lost_zeros(values: Values) -> int:
    """The digits of postal codes, where those that would begin with 0 are shorter; 0 otherwise."""
    if not set(values.name) & _ZIP:
        return 0
    texts = [text.strip() for text in values.texts]
    lengths = {len(text) for text in texts}
    width = max(lengths, default=0)
    full = [text for text in texts if len(text) == width]
    lost = lengths in ({width, width - 1}, {width, width - 1, width - 2}) and width in (5, 6)
    digits = all(text.isdecimal() and text.isascii() for text in texts)
    none_begins_with_zero = not any(text.startswith("0") for text in texts)
    return width if lost and digits and none_begins_with_zero and 2 * len(full) > len(texts) else 0


def common_form(texts: Sequence[str]) -> str:
    """The pattern of codes that have capital letters, digits and signs in the same places; empty for other texts."""
    width = len(texts[0])
    if not 1 < width <= _LONGEST_CODE or any(len(text) != width for text in texts):
        return ""
    classes = [_class({text[place] for text in texts}) for place in range(width)]
    if not all(classes) or not {"[A-Z]", "[0-9]"} & set(classes):
        return ""
    return "^" + _runs(classes) + "$"


def _class(characters: set[str]) -> str:
    if all("A" <= c <= "Z" for c in characters):
        return "[A-Z]"
    if all("0" <= c <= "9" for c in characters):
        return "[0-9]"
    [only] = characters if len(characters) == 1 else [""]
    return only if only and only in "-_:/" else ""


def _runs(classes: Sequence[str]) -> str:
    pattern, place = "", 0
    while place < len(classes):
        end = place
        while end < len(classes) and classes[end] == classes[place]:
            end += 1
        pattern += classes[place] + (f"{{{end - place}}}" if end - place > 1 else "")
        place = end
    return pattern
