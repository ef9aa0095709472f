"""Explain Python's errors about misspelt words of the declaration language, with the nearest right word."""

from __future__ import annotations

import builtins
import inspect
import re
import sys
from collections.abc import Iterable

import dataforge
from dataforge.errors.nearest import did_you_mean

_KEYWORD = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(\w+)\.__init__\(\) missing \d+ required positional arguments?: (.+)")
_IMPORT = re.compile(r"cannot import name '(\w+)' from 'dataforge'")
_BARE = re.compile(r"'(Numeric|Text|Array)' object has no attribute '__qualname__'")
_TYPES = {
    "Numeric": "Annotated[Decimal, Numeric(12, 2)]",
    "Text": "Annotated[str, VarChar(20)]",
    "Array": "Annotated[tuple, ArrayOf(INTEGER)]",
}
"""How a column of a type with options is declared, by the type's class."""
_NAME = re.compile(r"name '(\w+)' is not defined")


def explain(error: Exception) -> str:
    """The error's first line, in the words of the declaration where it is about one of them."""
    text = str(error).splitlines()[0] if str(error) else "no reason given"
    if (match := _KEYWORD.search(text)) and match[1] in dataforge.__all__:
        return f"{match[1]} has no option {match[2]!r}{_options(match[2], options_of(match[1]))}"
    if (match := _MISSING.search(text)) and match[1] in dataforge.__all__:
        return f"{match[1]} needs {match[2]}, as in its documentation (docs/datasets.md)"
    if match := _IMPORT.search(text):
        return f"dataforge has no {match[1]!r}{_options(match[1], dataforge.__all__)}"
    if (match := _NAME.search(text)) and isinstance(error, NameError):
        return f"{match[1]!r} is not defined{_word(match[1])}"
    if match := _BARE.search(text):
        return f"a column has a type without Annotated; write {_TYPES[match[1]]}"
    return f"{type(error).__name__}: {text}"


def options_of(word: str) -> list[str]:
    """The names of the options of a word, such as ``Csv``."""
    return list(inspect.signature(getattr(dataforge, word)).parameters)


def _options(name: str, known: Iterable[str]) -> str:
    names = [option for option in known if option not in ("args", "kwargs", "self")]
    return f"{did_you_mean(name, names)}; these are: {', '.join(names)}"


def _word(name: str) -> str:
    """The import of a word that a module uses without it, or the word that was probably meant."""
    if name in dataforge.__all__:
        return f"; write: from dataforge import {name}"
    return did_you_mean(name, dataforge.__all__)


def undefined_names(model: type, columns: Iterable[str]) -> str:
    """The names in the columns' annotations that the model's module does not define, with the words meant."""
    known = {**vars(builtins), **vars(sys.modules[model.__module__])}
    annotations = (str(model.__annotations__.get(column, "")) for column in columns)
    plain = (re.sub(r"'[^']*'|\"[^\"]*\"", "", annotation) for annotation in annotations)
    names = dict.fromkeys(
        name for text in plain for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*(?!\w|=)", text)
    )
    unknown = [f"{name!r} is not defined{_word(name)}" for name in names if name not in known]
    return f": {'; '.join(unknown)}" if unknown else ""
