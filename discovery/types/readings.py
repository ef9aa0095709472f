"""Choose between two readings of a column by the other columns, since programs write all dates and numbers alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dataforge import Format
from discovery.types.declared import Declared
from discovery.types.values import Values

_NUMBERS = {"integer", "bigint", "numeric", "double"}


def settled(
    types: Mapping[str, Declared], values: Mapping[str, Values], elsewhere: Iterable[Declared]
) -> dict[str, Declared]:
    """The types of a table's columns, with the reading that its certain columns have, or else those of other tables."""
    here, others = _habits(types.values()), _habits(elsewhere)
    return {header: _chosen(kind, values[header], here, others) for header, kind in types.items()}


def _habits(types: Iterable[Declared]) -> set[str]:
    return {habit for declared in types if declared.other is None and (habit := _habit(declared))}


def _habit(declared: Declared) -> str:
    """How a column writes dates or decimals; empty where it shows neither."""
    written = next((m for m in declared.markers if isinstance(m, Format)), Format())
    if declared.kind in _NUMBERS:
        fractions = declared.kind in {"numeric", "double"} or written.thousands is not None
        return f"decimal {written.decimal}" if fractions else ""
    for pattern in written.date_formats:
        if "%d" in pattern and "%m" in pattern and not pattern.startswith("%Y"):
            return "day first" if pattern.index("%d") < pattern.index("%m") else "month first"
    return ""


def _chosen(declared: Declared, values: Values, here: set[str], elsewhere: set[str]) -> Declared:
    other = declared.other
    if other is None:
        return declared
    both = {_habit(declared), _habit(other)}
    known = here & both or elsewhere & both
    if known == {_habit(declared)}:
        return replace(declared, note="", other=None)
    if known != {_habit(other)} or other.refused_texts(values.texts):
        return declared
    return replace(
        other, nulls=declared.nulls, note=f"Read as the other columns are written: {_habit(other)}"
    )
