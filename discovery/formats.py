"""Candidates for dates, times and numbers in the notations that exports use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from dataforge import Clean, Date, Format, Numeric, Timestamp, TimestampTz
from discovery.declared import Declared

_TIME_WORDS = frozenset(
    [
        "date",
        "day",
        "dt",
        "time",
        "timestamp",
        "ts",
        "at",
        "on",
        "created",
        "updated",
        "modified",
        "born",
        "birth",
        "dob",
        "start",
        "end",
        "begin",
        "from",
        "until",
        "to",
    ]
)
_DAYS = (
    ("%Y-%m-%d", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"),
    ("%Y/%m/%d", r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}"),
    ("%Y.%m.%d", r"[0-9]{4}[.][0-9]{1,2}[.][0-9]{1,2}"),
    ("%d.%m.%Y", r"[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4}"),
    ("%d.%m.%y", r"[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{2}"),
    ("%m/%d/%Y", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"),
    ("%d/%m/%Y", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"),
    ("%m/%d/%y", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}"),
    ("%d/%m/%y", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}"),
    ("%d-%m-%Y", r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}"),
    ("%m-%d-%Y", r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}"),
    ("%d-%b-%Y", r"[0-9]{1,2}-[A-Za-z]{3}-[0-9]{4}"),
    ("%d-%b-%y", r"[0-9]{1,2}-[A-Za-z]{3}-[0-9]{2}"),
    ("%d %b %Y", r"[0-9]{1,2} [A-Za-z]{3} [0-9]{4}"),
    ("%b %d, %Y", r"[A-Za-z]{3} [0-9]{1,2}, [0-9]{4}"),
)
"""Formats of days, with the shape of each. Of two with one shape, the first that takes all values is proposed."""
_CLOCKS = (
    ("", ""),
    (" %H:%M", r" [0-9]{1,2}:[0-9]{2}"),
    (" %H:%M:%S", r" [0-9]{1,2}:[0-9]{2}:[0-9]{2}"),
    (" %H:%M:%S.%f", r" [0-9]{1,2}:[0-9]{2}:[0-9]{2}[.][0-9]{1,6}"),
    (" %I:%M %p", r" [0-9]{1,2}:[0-9]{2} [AaPp][Mm]"),
    (" %I:%M:%S %p", r" [0-9]{1,2}:[0-9]{2}:[0-9]{2} [AaPp][Mm]"),
    ("T%H:%M:%S", r"T[0-9]{2}:[0-9]{2}:[0-9]{2}"),
)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,6})?)?")
_OFFSET = re.compile(r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)")
_COMPACT = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_EPOCHS = (
    (10**9, 4 * 10**9, "s"),
    (10**12, 4 * 10**12, "ms"),
    (10**15, 4 * 10**15, "us"),
    (10**18, 4 * 10**18, "ns"),
)
_SYMBOLS = ("€", "$", "£", "¥", "%", "EUR", "USD", "GBP", "CHF")
_EUROPEAN = re.compile(r"[+-]?(?:[0-9]{1,3}(?:[.][0-9]{3})+|[0-9]+)(?:,[0-9]+)?")
_AMERICAN = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:[.][0-9]+)?")


def date_candidates(
    sample: Sequence[str], name: tuple[str, ...], *, digits_only: bool = False
) -> Iterator[Declared]:
    """Dates and timestamps. ``digits_only``: only those that are written as a number, which the name must suggest."""
    if digits_only:
        yield from _numbers_as_times(sample, name)
        return
    if all(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) for text in sample):
        yield Declared("Date", Date)
    yield from _iso(sample)
    for day, day_shape in _DAYS:
        for clock, clock_shape in _CLOCKS:
            shape = re.compile(day_shape + clock_shape)
            if sum(shape.fullmatch(text) is not None for text in sample) < 0.95 * len(sample):
                continue
            kind = ("Timestamp", Timestamp) if clock else ("Date", Date)
            yield Declared(*kind, (_dates(day + clock, sample),))


def _dates(pattern: str, sample: Sequence[str]) -> Format:
    """The format of dates; two-digit years that would be in the future are of the last century."""
    if "%y" not in pattern:
        return Format(dates=pattern)
    this_year = datetime.now(UTC).year % 100
    place = pattern.partition(" ")[0].split(pattern[2]).index("%y")
    years = {int(text.partition(" ")[0].split(pattern[2])[place]) for text in sample if pattern[2] in text}
    ahead = any(this_year < year < Format().century for year in years)
    return Format(dates=pattern, century=this_year + 1) if ahead else Format(dates=pattern)


def _iso(sample: Sequence[str]) -> Iterator[Declared]:
    rests = set[str]()
    for text in sample:
        match = _ISO.match(text)
        if match is None:
            return
        rests.add(text[match.end() :])
    if rests == {""}:
        yield Declared("Timestamp", Timestamp)
    elif all(_OFFSET.fullmatch(rest) for rest in rests):
        yield Declared("TimestampTz", TimestampTz)
    elif rests <= {" UTC", " GMT"}:
        yield Declared("TimestampTz", TimestampTz, (Clean(replace=((" (UTC|GMT)$", "Z"),)),))


def _numbers_as_times(sample: Sequence[str], name: tuple[str, ...]) -> Iterator[Declared]:
    if not set(name) & _TIME_WORDS:
        return
    if all(_COMPACT.fullmatch(text) for text in sample):
        yield Declared("Date", Date, (Format(dates="%Y%m%d"),))
    for low, high, unit in _EPOCHS:
        if all(text.isdigit() and low <= int(text) < high for text in sample):
            yield Declared("TimestampTz", TimestampTz, (Format(epoch=unit),))


def number_candidates(sample: Sequence[str]) -> Iterator[Declared]:
    """Numbers with other marks than a decimal point, and with signs around them."""
    symbols = tuple(symbol for symbol in _SYMBOLS if any(symbol in text for text in sample))
    bare = [_without(text, symbols) for text in sample]
    american = all(_AMERICAN.fullmatch(text) for text in bare)
    european = all(_EUROPEAN.fullmatch(text) for text in bare)
    number = ("Annotated[Decimal, Numeric()]", Annotated[Decimal, Numeric()])
    if european and any("," in text for text in bare):
        thousands = "." if any("." in text for text in bare) else None
        ambiguous = american and thousands is None
        note = "a comma may separate thousands or decimals" if ambiguous else ""
        yield Declared(*number, (Format(decimal=",", thousands=thousands, symbols=symbols),), note=note)
    if american and (symbols or any("," in text for text in bare)):
        thousands = "," if any("," in text for text in bare) else None
        yield Declared(*number, (Format(thousands=thousands, symbols=symbols),))


def _without(text: str, symbols: Sequence[str]) -> str:
    for symbol in symbols:
        text = text.replace(symbol, "", 1)
    return text.strip()
