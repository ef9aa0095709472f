"""Candidates for columns of few values: Booleans and enumerations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from dataforge import Boolean, Format
from discovery.structure.vocabulary import CHOICES, FLAG_FIRST, FLAG_LAST, OPEN
from discovery.types.declared import Declared, literal
from discovery.types.values import Values

_CHOICES = 10
_ROWS_PER_CHOICE = 50
_EACH = 20
"""If one value is rarer, the next file may have further ones."""
_CHOICE = re.compile(r"[^\W\d_][\w /&.+-]{0,24}")
_ENGLISH = (("true", "false"), ("t", "f"), ("y", "n"), ("yes", "no"), ("on", "off"))
"""Words that a Boolean reads without a format."""
_OTHER = (
    ("ja", "nein"),
    ("wahr", "falsch"),
    ("oui", "non"),
    ("vrai", "faux"),
    ("si", "no"),
    ("sí", "no"),
    ("sì", "no"),
    ("verdadero", "falso"),
    ("vero", "falso"),
    ("verdadeiro", "falso"),
    ("sim", "não"),
    ("sim", "nao"),
    ("ja", "nee"),
    ("ja", "nej"),
    ("tak", "nie"),
    ("ano", "ne"),
    ("да", "нет"),
    ("evet", "hayır"),
)
_LETTERS = (("j", "n"), ("o", "n"), ("s", "n"), ("w", "f"), ("v", "f"), ("-1", "0"))
"""Pairs that are Booleans if the name is that of a flag."""


def boolean_candidates(values: Values) -> Iterator[Declared]:
    """Booleans: both words of a pair occur, or one of them in a column whose name is that of a flag."""
    if len({text.lower() for text in values.sample}) > 2:
        return
    found = {text.strip().lower() for text in values.texts}
    if not found or len(found) > 2:
        return
    name = values.name
    flag = bool(name) and (name[0] in FLAG_FIRST or name[-1] in FLAG_LAST)
    for pair in _ENGLISH:
        if found == set(pair) or (found <= set(pair) and (flag or pair == ("true", "false"))):
            yield Declared("Boolean", Boolean)
    for true, false in (*_OTHER, *(_LETTERS if flag else ())):
        if found == {true, false}:
            yield Declared("Boolean", Boolean, (Format(true=(true,), false=(false,)),))
    if flag and found <= {"0", "1"}:
        yield Declared("Boolean", Boolean)


def choice_candidates(values: Values) -> Iterator[Declared]:
    """An enumeration: few texts, each often, in a column whose name or size suggests that no others occur."""
    few = values.all_known and 2 <= len(values.texts) <= _CHOICES
    if not few or not all(_CHOICE.fullmatch(text) for text in values.texts):
        return
    places = values.name[-1:] == ("state",) and all(len(text) <= 3 for text in values.texts)
    if set(values.name) & OPEN or places:
        return
    times = _ROWS_PER_CHOICE * (1 if set(values.name) & CHOICES else 10)
    if values.rows >= times * len(values.texts) and min(values.counts) >= _EACH:
        yield replace(literal(sorted(values.texts)), note=f"No other values in {values.rows:,} rows")
