"""Data Forge's shared layer, and the declaration language of a dataset: ``from dataforge import Row, Key, References``.

The names are loaded on first use: importing a module such as ``dataforge.errors`` loads neither pydantic nor the row models.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataforge.tables.catalogue import Row, Source
    from dataforge.tables.columns import (
        Clean,
        Count,
        Digest,
        Double,
        Exact,
        HexId,
        IndexedName,
        Integer,
        Key,
        Label,
        MaxBytes,
        Money,
        Name,
        Ordinal,
        References,
        Text,
        Timestamp,
        Whole,
    )

__all__ = [
    "Clean",
    "Count",
    "Digest",
    "Double",
    "Exact",
    "HexId",
    "IndexedName",
    "Integer",
    "Key",
    "Label",
    "MaxBytes",
    "Money",
    "Name",
    "Ordinal",
    "References",
    "Row",
    "Source",
    "Text",
    "Timestamp",
    "Whole",
]

_CATALOGUE = {"Row", "Source"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "dataforge.tables.catalogue" if name in _CATALOGUE else "dataforge.tables.columns"
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
