"""Names of classes: the singular of the table's name, unlike any word of the declaration and of Python."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable
from itertools import count

import dataforge
from discovery.structure.words import singular, words

_CONSTANTS = ("FORMAT", "VALUE_FORMAT", "FLAT_FILES", "REMOVED", "EXAMPLE")
_TAKEN = frozenset([*dataforge.__all__, *_CONSTANTS, "Annotated", "Decimal", "Literal", *dir(builtins)])
"""Names that a class would hide from the module."""


def class_names(tables: Iterable[str]) -> dict[str, str]:
    """The name of each table's class."""
    names: dict[str, str] = {}
    for table in tables:
        names[table] = _unique(_class_name(table), {*names.values()})
    return names


def _class_name(table: str) -> str:
    *first, last = words(table) or ("table",)
    name = "".join(word[:1].upper() + word[1:] for word in (*first, singular(last)))
    name = re.sub(r"\W", "", name)
    return name if name.isidentifier() else f"Table{name}"


def _unique(name: str, before: set[str]) -> str:
    """The name, with an ending if it is taken."""
    options = (name, f"{name}Row", *(f"{name}{number}" for number in (2,)))
    for option in options:
        if _is_free(option, before):
            return option
    return next(option for n in count(3) if _is_free(option := f"{name}{n}", before))


def _is_free(name: str, before: set[str]) -> bool:
    return name not in before and name not in _TAKEN and not keyword.iskeyword(name)
