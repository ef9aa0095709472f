"""Candidates for numbers in the notations that exports use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Annotated

from dataforge import BigInt, Double, Format, Integer, Numeric
from discovery.structure.vocabulary import COORDINATES, MONEY
from discovery.types.declared import Declared
from discovery.types.values import Values, mostly, spread

_WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0)?")
"""pandas writes 7 as 7.0 if another value is missing; 7.00 is a number with two decimals."""
_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?")
LEADING_ZEROS = "^[^0-9.,]*0[0-9]"
"""Texts that would lose zeros as numbers."""
_MARKS = (
    (".", None),
    (",", None),
    (".", ","),
    (",", "."),
    (",", " "),
    (",", "\xa0"),
    (",", "\u202f"),
    (".", "'"),
)
_MARKS_OF_FEW = ((".", " "), (".", "\xa0"), (".", "’"), (",", "'"))
_MINUS = ("-1", "(1)", "1-")
_ROOM = 2**30
"""A column with larger values is a bigint: an integer has room for twice as much."""
_EXACT_DIGITS = 17
"""The digits of a double."""


def number_candidates(values: Values) -> Iterator[Declared]:
    """Types for the values as numbers, the strictest first."""
    for notation in _notations(values.sample):
        plain = notation.plain(values.texts)
        for declared in _types(plain, values):
            markers = (notation.format,) if notation.format != Format() else ()
            yield replace(declared, markers=markers, note=notation.note, other=_other(notation, plain))


@dataclass(frozen=True)
class _Notation:
    format: Format
    note: str = ""

    def plain(self, texts: Sequence[str]) -> list[str]:
        """The numbers as Data Forge reads them."""
        if self.format == Format():
            return [text.strip() for text in texts]
        return [self.format.rewrite("numeric", text.strip()) or "" for text in texts]


def _notations(sample: Sequence[str]) -> Iterator[_Notation]:
    if mostly(_PLAIN, sample):
        yield _Notation(Format())
        return
    if not mostly(re.compile(r".*[0-9].*"), sample) or any(len(text) > 40 for text in sample[:20]):
        return
    symbols = _symbols(sample)
    if symbols is None:
        return
    for minus in _minus(sample):
        for decimal, thousands in (*_MARKS, *_MARKS_OF_FEW):
            shape = _shape(decimal, thousands, minus)
            bare = [_without(text, symbols) for text in sample]
            if mostly(shape, bare) and _uses(decimal, thousands, bare):
                declared = Format(decimal=decimal, thousands=thousands, symbols=symbols, minus=minus)
                yield from _readings(declared, bare)
                return


def _readings(declared: Format, bare: Sequence[str]) -> Iterator[_Notation]:
    """1,234 alone is a number of thousands in most exports; 1,5 has a decimal comma."""
    if (declared.decimal, declared.thousands) != (",", None) or not _only_groups(",", bare):
        yield _Notation(declared)
        return
    groups = replace(declared, decimal=".", thousands=",")
    yield _Notation(groups, "Commas are read as marks of thousands: three digits follow each of them")


def _only_groups(mark: str, texts: Sequence[str]) -> bool:
    """Whether all marks could separate thousands."""
    shape = re.compile(rf"[^0-9]*(?:[1-9][0-9]{{0,2}}(?:{re.escape(mark)}[0-9]{{3}})+|[0-9]{{1,3}})[^0-9]*")
    return any(mark in text for text in texts) and all(shape.fullmatch(text) for text in texts)


def _other(notation: _Notation, plain: Sequence[str]) -> Declared | None:
    """The other reading of numbers that have one mark, and three digits behind it."""
    if notation.note:
        other = replace(notation.format, decimal=",", thousands=None)
        return Declared("Annotated[Decimal, Numeric()]", Annotated[Decimal, Numeric()], (other,))
    if notation.format == Format() and _only_groups(".", plain):
        return Declared("Integer", Integer, (Format(decimal=",", thousands="."),))
    return None


def _minus(sample: Sequence[str]) -> Iterator[str]:
    yield "-1"
    if any(text.startswith("(") or ("(" in text and text.endswith(")")) for text in sample):
        yield "(1)"
    if any(text.endswith("-") for text in sample):
        yield "1-"


def _symbols(sample: Sequence[str]) -> tuple[str, ...] | None:
    """The sign around all numbers but zero; none; or None, if there are several, or numbers with and without one."""
    found = [_signs(text) for text in sample]
    signs = {sign for each in found for sign in each}
    if not signs:
        return ()
    alone = any(not each and text.strip("0.,-") for text, each in zip(sample, found, strict=True))
    return tuple(signs) if len(signs) == 1 and not alone else None


def _signs(text: str) -> set[str]:
    signs = {c for c in text if c == "%" or unicodedata.category(c) == "Sc"}
    code = re.match(r"[A-Z]{2,3}(?=[ ]?[-+(0-9])", text) or re.search(r"(?<=[0-9) ])[A-Z]{3}$", text)
    return signs | ({code[0]} if code and not signs else set())


def _without(text: str, symbols: Sequence[str]) -> str:
    for symbol in symbols:
        text = text.replace(symbol, "", 1)
    return text.strip()


def _uses(decimal: str, thousands: str | None, bare: Sequence[str]) -> bool:
    """Whether the marks that differ from the usual ones occur, so that no simpler notation fits."""
    marks = [mark for mark in (thousands, decimal if decimal != "." else None) if mark]
    return all(any(mark in text for text in bare) for mark in marks[:1])


@cache
def _shape(decimal: str, thousands: str | None, minus: str) -> re.Pattern[str]:
    digits = "[0-9]+"
    if thousands:
        digits = rf"(?:[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    number = rf"(?:{digits}(?:{re.escape(decimal)}[0-9]*)?|{re.escape(decimal)}[0-9]+)"
    before, _, behind = minus.partition("1")
    negative = "" if minus == "-1" else rf"|{re.escape(before)}\s?{number}\s?{re.escape(behind)}"
    return re.compile(rf"[+-]?\s?{number}{negative}")


def _types(plain: Sequence[str], values: Values) -> Iterator[Declared]:
    if mostly(_WHOLE, spread(plain)):
        if all(abs(int(text.partition(".")[0])) < _ROOM for text in plain if _WHOLE.fullmatch(text)):
            yield Declared("Integer", Integer)
        yield Declared("BigInt", BigInt)
        return
    name = set(values.name)
    numbers = [text for text in plain if _PLAIN.fullmatch(text)]
    scales = {len(text.partition(".")[2]) for text in numbers}
    exponents = any("e" in text.lower() for text in numbers)
    long = exponents or max(scales, default=0) > 8
    if name & COORDINATES or (long and all(_significant(text) <= _EXACT_DIGITS for text in numbers)):
        yield Declared("Double", Double)
    if not exponents:
        yield from _with_scale(numbers, scales, values)
    yield Declared("Annotated[Decimal, Numeric()]", Annotated[Decimal, Numeric()])


def _significant(text: str) -> int:
    """The number of significant digits."""
    return len(re.sub("[^0-9]", "", text.lower().partition("e")[0]).lstrip("0"))


def _with_scale(numbers: Sequence[str], scales: set[int], values: Values) -> Iterator[Declared]:
    """A number of fixed decimals, with room for larger values: of amounts, and of columns that always write them."""
    scale = max(scales, default=0)
    amounts = scale <= 2 and bool(set(values.name) & MONEY)
    always = len(scales) == 1 and scale <= 4 and values.distinct >= 20
    if scale and (amounts or always):
        whole = max(len(text.lstrip("+-").partition(".")[0]) for text in numbers)
        precision = max(12 if scale <= 2 else 14, whole + 2 + scale)
        kind = Annotated[Decimal, Numeric(precision, scale)]
        yield Declared(f"Annotated[Decimal, Numeric({precision}, {scale})]", kind)
