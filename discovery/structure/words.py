"""The words of names, which are evidence for keys and references.

Names are evidence, never proof: values decide whether a proposal is possible, and names choose between possible ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from discovery.structure.vocabulary import CODES, CODES_AT_END, GENERIC, IDENTIFYING, MEASURES, NUMBERED

_UPPER_AFTER_LOWER = re.compile(r"([a-z0-9])([A-Z])")
_LAST_OF_CAPITALS = re.compile(r"([A-Z]+)([A-Z][a-z])")
_ID_WITHIN = re.compile(r"(?<=[a-z0-9])(IDs(?![a-z])|ID(?=[a-z]{2}))")
"""``parentIDs``, ``teamIDwinner``."""
_SEPARATORS = re.compile(r"[\W_]+")
_NAMELESS = re.compile(r"(?i)(?:column|col|field|c|f|v|var|x|unnamed)?[\W_]*[0-9]*")
_UNCOUNTED = ("ss", "us", "is")
_IN_IE = frozenset(["movie", "cookie", "calorie", "rookie", "brownie", "zombie", "pie", "tie", "lie"])
_IRREGULAR = {
    "species": "species",
    "men": "man",
    "women": "woman",
    "people": "person",
    "children": "child",
    "series": "series",
    "indices": "index",
    "data": "data",
}


@lru_cache(100_000)
def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: ``orderID``, ``Order ID`` and ``order_id`` are the same two."""
    named = _ID_WITHIN.sub(lambda found: f" {found[0].lower()} ", name)
    spaced = _LAST_OF_CAPITALS.sub(r"\1 \2", _UPPER_AFTER_LOWER.sub(r"\1 \2", named))
    return tuple(word for word in _SEPARATORS.split(spaced.lower()) if word)


def is_nameless(header: str) -> bool:
    """Whether a header only numbers its column: ``column_1``, ``_c0``, ``Unnamed: 0``."""
    return _NAMELESS.fullmatch(header) is not None


@lru_cache(100_000)
def singular(word: str) -> str:
    """The singular of an English plural."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.removesuffix("s") in _IN_IE:
        return word.removesuffix("s")
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(_UNCOUNTED) and len(word) > 3 else word


def joined(parts: Iterable[str]) -> str:
    """Words without separators, in the singular: exports differ in how they separate words."""
    return "".join(map(singular, parts))


def is_generic(key: tuple[str, ...]) -> bool:
    """Whether a key's name is independent of its table."""
    return not key or (len(key) == 1 and key[0] in GENERIC)


def is_identifying(column: tuple[str, ...]) -> bool:
    """Whether a column's last word identifies something, also without a separator (``patientid``)."""
    return bool(column) and (column[-1] in IDENTIFYING or "".join(column).endswith(("id", "uuid", "key")))


@lru_cache(100_000)
def abbreviates(text: str, subject: tuple[str, ...]) -> bool:
    """Whether a text abbreviates the last words of a subject: ``cdemo`` customer demographics, ``dept`` department."""
    if len(text) < 3 or not subject:
        return False
    starts = any(_starts_of(text, subject[start:]) for start in range(len(subject)))
    return starts or _shortens(text, subject[-1])


def _starts_of(text: str, parts: tuple[str, ...]) -> bool:
    """Whether the text consists of the starts of all parts."""
    if not parts:
        return not text
    first, *others = parts
    return any(
        first.startswith(text[:size]) and _starts_of(text[size:], tuple(others))
        for size in range(1, len(text) + 1)
    )


def _shortens(text: str, word: str) -> bool:
    """Whether a text has letters of the word in order, the first and the last among them."""
    if not (3 <= len(text) < len(word) and text[0] == word[0] and text[-1] == word[-1]):
        return False
    letters = iter(word)
    return all(letter in letters for letter in text)


def is_code(column: tuple[str, ...]) -> bool:
    """Whether a column's name is that of codes, which may begin with zeros: ``zip_code``, ``phone``."""
    if not column or column[-1] in MEASURES:
        return False
    numbered = column[-1] in IDENTIFYING and bool(set(column) & NUMBERED)
    return bool(set(column) & CODES) or column[-1] in CODES_AT_END or numbered


def is_count(column: tuple[str, ...]) -> bool:
    """Whether a column's name is that of a number of things: ``photo_count``, ``number_of_photos``."""
    counts = column[-1:] in (("count",), ("counts",)) or column[:1] in (("num",), ("count",))
    return counts or column[:2] == ("number", "of")
