"""Declarations that may make a column accept the values that it rejects, the most likely first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice, takewhile

from dataforge.formats.null_words import NULL_WORDS
from dataforge.records.wider_types import wider_types
from dataforge.tables.catalogue import Column
from dataforge.tables.cleaning import Clean
from dataforge.tables.value_formats import Format, fits_format

FIRST = 20
"""Distinct values on which a candidate is tried first; most candidates fit none of them."""

NUMBERS = {"smallint", "integer", "bigint", "numeric", "real", "double"}
MOMENTS = {"date", "timestamp", "timestamptz"}

_SENTINEL = re.compile(r"-?9{3,}(\.[09]+)?")
_TRUE = frozenset(
    [
        "ja",
        "oui",
        "si",
        "sí",
        "sim",
        "da",
        "tak",
        "wahr",
        "vrai",
        "vero",
        "verdadero",
        "verdadeiro",
        "x",
        "j",
        "s",
        "o",
        "v",
    ]
)
_FALSE = frozenset(["nein", "non", "no", "nao", "não", "nie", "ne", "falsch", "faux", "falso", "n", "f"])
_WIDTH = re.compile(r"\^\[0-9\]\{([0-9]+)\}\$")
_DAYS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y"),
    *("%b %d, %Y", "%b %d %Y"),
)
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", " %H:%M:%S.%f")
_TIMES = ("%I:%M:%S %p", "%I:%M %p", "%H.%M", "%H%M")
_ZONES = ("%z", " %z")
_NAMES = {
    "%d": "DD",
    "%m": "MM",
    "%Y": "YYYY",
    "%y": "YY",
    "%b": "Mon",
    "%H": "HH",
    "%I": "HH",
    "%M": "MI",
    "%S": "SS",
    "%p": "AM",
    "%z": "+00:00",
    "%f": "ffffff",
}
_UNITS = {
    10: ("s", "seconds"),
    13: ("ms", "milliseconds"),
    16: ("us", "microseconds"),
    19: ("ns", "nanoseconds"),
}
_MARKS = (
    (",", None),
    (".", ","),
    (",", "."),
    (",", " "),
    (".", " "),
    (".", "'"),
    (",", "\xa0"),
    (",", "\u202f"),
)
_AFFIX = 12
"""Characters of a common beginning or end. A longer one is more likely a part of the values."""

Evidence = Callable[[Mapping[str, int]], str]


@dataclass(frozen=True)
class Twin:
    """The other reading of the same values: its column, its name in words, and its declaration.

    ``is_shown``: whether the values that it does not accept are named as well.
    """

    column: Column
    name: str
    declaration: str
    is_shown: bool = False


@dataclass(frozen=True)
class Candidate:
    """A column as it could be declared. ``evidence``: the sign in the values that it accepts, as a predicate.

    ``is_known``: whether one value is enough, because it is a known word.
    """

    column: Column
    declaration: str
    evidence: Evidence
    twin: Twin | None = None
    is_known: bool = False


def candidates(column: Column, values: Mapping[str, int]) -> Iterator[Candidate]:
    """Candidates for a column with these rejected values."""
    kind = column.type.name
    yield from _white_space(column)
    yield from _null_words(column, values)
    if kind in NUMBERS:
        yield from _numbers(column, values)
    if kind in MOMENTS:
        yield from _days(column, values)
        yield from _epochs(column, values)
    if kind == "time":
        yield from (_day(column, pattern) for pattern in _TIMES)
    if kind == "boolean":
        yield from _words(column, values)
    if kind in ("text", "varchar"):
        yield from _texts(column, values)
    for wider, declaration, evidence in wider_types(column, values):
        yield Candidate(wider, declaration, _fixed(evidence))
    yield from _affixes(column, values)


def _shown(declared: Clean | Format) -> str:
    """The declaration, as it is written in a module."""
    defaults = type(declared)()
    changed = {f.name: getattr(declared, f.name) for f in fields(declared) if f.name != "whole"}
    words = (f"{n}={v!r}" for n, v in changed.items() if v != getattr(defaults, n))
    return f"{type(declared).__name__}({', '.join(words)})"


def _cleaned(column: Column, evidence: Evidence | str, **changes: object) -> Candidate:
    clean = replace(column.clean or Clean(), **changes)  # type: ignore[arg-type]
    return Candidate(replace(column, clean=clean), _shown(clean), _fixed(evidence))


def _formatted(column: Column, **changes: object) -> Column:
    return replace(column, format=replace(column.format or Format(), **changes))  # type: ignore[arg-type]


def _fixed(evidence: Evidence | str) -> Evidence:
    return evidence if callable(evidence) else lambda _: str(evidence)


def _white_space(column: Column) -> Iterator[Candidate]:
    if column.clean is None or not column.clean.trim:
        yield _cleaned(column, "have white space at an end", trim=True)


def _null_words(column: Column, values: Mapping[str, int]) -> Iterator[Candidate]:
    words = tuple(sorted({v.strip() for v in values} & NULL_WORDS))
    numbers = {v.strip() for v in values if _SENTINEL.fullmatch(v.strip())}
    if column.type.name in NUMBERS and len(numbers) == 1:
        words += tuple(numbers)
    if not words:
        return
    declared = _formatted(column, null=(*(column.format.null if column.format else ()), *words))
    declaration = _shown(declared.format or Format())
    if not column.nullable and column.rule.default is None:
        declaration += " and … | None = None"
    said = f"are {' or '.join(map(repr, words))}, which may mean NULL"
    yield Candidate(replace(declared, nullable=True), declaration, _fixed(said), is_known=True)


def _numbers(column: Column, values: Mapping[str, int]) -> Iterator[Candidate]:
    signs = _signs(values)
    negative = [m for m, mark in (("(1)", "("), ("1-", "-")) if any(_has_minus(v, mark) for v in values)]
    for symbols in dict.fromkeys(((), signs)):
        for minus in ("-1", *negative):
            for decimal, thousands in ((".", None), *_MARKS):
                changes = {"symbols": symbols, "minus": minus, "decimal": decimal, "thousands": thousands}
                if changes == {"symbols": (), "minus": "-1", "decimal": ".", "thousands": None}:
                    continue
                declared = _formatted(column, **changes)
                said = _number_words(symbols, minus, decimal, thousands)
                twin = _number_twin(column, changes)
                yield Candidate(declared, _shown(declared.format or Format()), _fixed(said), twin)


def _has_minus(value: str, mark: str) -> bool:
    return value.strip().startswith("(") if mark == "(" else value.strip().endswith("-")


def _signs(values: Mapping[str, int]) -> tuple[str, ...]:
    """Currency signs and per cent signs in the values."""
    found = {c for value in values for c in value if c == "%" or unicodedata.category(c) == "Sc"}
    codes = {m for value in values for m in re.findall(r"^[A-Z]{3}\b|\b[A-Z]{3}$", value.strip())}
    return tuple(sorted(found | codes))[:3]


def _number_words(symbols: tuple[str, ...], minus: str, decimal: str, thousands: str | None) -> str:
    parts = [
        f"the sign {' or '.join(map(repr, symbols))}" if symbols else "",
        "a negative sign of another notation" if minus != "-1" else "",
        "a decimal comma" if decimal == "," else "",
        f"thousands marks {thousands!r}" if thousands else "",
    ]
    return f"have {' and '.join(filter(None, parts))}"


def _number_twin(column: Column, changes: Mapping[str, object]) -> Twin | None:
    """1,234 is a number with a decimal comma or with a mark of thousands."""
    if (changes["decimal"], changes["thousands"]) == (",", None):
        other = _formatted(column, **{**changes, "decimal": ".", "thousands": ","})
        return Twin(other, "thousands marks ','", _shown(other.format or Format()))
    return None


def _days(column: Column, values: Mapping[str, int]) -> Iterator[Candidate]:
    first = [value.strip() for value in islice(values, FIRST)]
    clocks = _CLOCKS[:1] if column.type.name == "date" else _CLOCKS
    zones = _ZONES if column.type.name == "timestamptz" else ("",)
    for day in _DAYS:
        for clock in clocks:
            patterns = [day + clock + zone for zone in zones]
            # A format that no value has would change nothing about the column.
            yield from (_day(column, p) for p in patterns if column.format or fits_format(p, first))


def _day(column: Column, pattern: str) -> Candidate:
    declared = _formatted(column, dates=pattern)
    other = pattern.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
    twin = None
    if "%d" in pattern and "%m" in pattern and pattern[:2] in ("%d", "%m"):
        changed = _formatted(column, dates=other)
        twin = Twin(changed, _named(other)[:5], _shown(changed.format or Format()), is_shown=True)
    return Candidate(
        declared,
        _shown(declared.format or Format()),
        _fixed(f"date format looks like {_named(pattern)}"),
        twin,
    )


def _named(pattern: str) -> str:
    for directive, name in _NAMES.items():
        pattern = pattern.replace(directive, name)
    return pattern


def _epochs(column: Column, values: Mapping[str, int]) -> Iterator[Candidate]:
    lengths = {len(v.strip()) for v in values if v.strip().isdecimal()}
    for length in sorted(lengths & _UNITS.keys()):
        unit, name = _UNITS[length]
        declared = _formatted(column, epoch=unit)
        yield Candidate(declared, _shown(declared.format or Format()), _fixed(f"look like {name} since 1970"))


def _words(column: Column, values: Mapping[str, int]) -> Iterator[Candidate]:
    words = {v.strip() for v in values}
    true = tuple(sorted(w for w in words if w.lower() in _TRUE))
    false = tuple(sorted(w for w in words if w.lower() in _FALSE))
    if true or false:
        declared = _formatted(column, true=true, false=false)
        said = f"are {' or '.join(map(repr, (*true, *false)))}"
        yield Candidate(declared, _shown(declared.format or Format()), _fixed(said), is_known=True)


def _texts(column: Column, values: Mapping[str, int]) -> Iterator[Candidate]:
    rule = column.rule
    width = _width(column)
    decimals = (r"\.0+$", "")
    own = column.clean.replace if column.clean else ()
    if width:
        yield _cleaned(column, lambda found: _short(found, width), pad="0", width=width)
        yield _cleaned(column, "end in '.0'", replace=(*own, decimals))
        yield _cleaned(
            column, "end in '.0' and have lost leading zeros", replace=(*own, decimals), pad="0", width=width
        )
    yield _cleaned(column, "have lower-case letters", upper=True, lower=False)
    yield _cleaned(column, "have upper-case letters", lower=True, upper=False)
    known = {str(choice).casefold(): str(choice) for choice in rule.choices}
    mapped = {v.strip(): known[v.strip().casefold()] for v in values if v.strip().casefold() in known}
    if mapped:
        yield _cleaned(column, "differ from the choices in case only", values=mapped)


def _width(column: Column) -> int:
    """The number of digits that the column needs, or 0."""
    match = _WIDTH.fullmatch(column.rule.pattern or "")
    if match:
        return int(match[1])
    lengths = {len(str(choice)) for choice in column.rule.choices}
    digits = all(str(choice).isdecimal() for choice in column.rule.choices)
    return lengths.pop() if digits and len(lengths) == 1 else 0


def _short(found: Mapping[str, int], width: int) -> str:
    lengths = sorted({len(value.strip()) for value in found})
    have = f"{lengths[0]} {'digit' if lengths[0] == 1 else 'digits'}" if len(lengths) == 1 else "fewer digits"
    return f"have {have} instead of {width}: leading zeros lost?"


def _affixes(column: Column, values: Mapping[str, int]) -> Iterator[Candidate]:
    """Remove a beginning or end that all values have; the shortest that helps comes first."""
    texts = [value.strip() for value in values]
    if len(texts) < 2:
        return
    own = column.clean.replace if column.clean else ()
    end = _common([text[::-1] for text in texts])[::-1][-_AFFIX:]
    for start in range(len(end) - 1, -1, -1):
        affix = end[start:]
        if not _is_affix(column, affix) or (not affix[0].isspace() and end[:start][-1:].isspace()):
            continue
        offset = "+00:00" if column.type.name == "timestamptz" and affix.strip() in ("UTC", "GMT") else ""
        pair = (re.escape(affix).replace("\\ ", " ") + "$", offset)
        yield _cleaned(column, f"end in {affix!r}", replace=(*own, pair))
    begin = _common(texts)[:_AFFIX]
    for stop in range(1, len(begin) + 1):
        affix = begin[:stop]
        if not _is_affix(column, affix):
            continue
        pair = ("^" + re.escape(affix).replace("\\ ", " "), "")
        yield _cleaned(column, f"begin with {affix!r}", replace=(*own, pair))


def _common(texts: Sequence[str]) -> str:
    """The longest common beginning."""
    alike = takewhile(lambda found: len({*found}) == 1, zip(*texts, strict=False))
    return "".join(found[0] for found in alike)


def _is_affix(column: Column, affix: str) -> bool:
    """Whether the text can be removed without changing a number or a part of a date."""
    signs = "+-.,()" if column.type.name in NUMBERS else ""
    return not any(character.isdigit() or character in signs for character in affix)
