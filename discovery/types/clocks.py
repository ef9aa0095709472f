"""Candidates for times of a day, lengths of time, and for dates and instants that are written as whole numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dataforge import Clean, Date, Format, Interval, Time, TimestampTz
from discovery.structure.vocabulary import EPOCHS, TIMES
from discovery.types.declared import Declared
from discovery.types.values import Values, mostly

_COMPACT = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_CERTAIN_DAYS = 20
"""Eight digits are a month and a day by accident in one of 27 numbers, and in this many never."""
_EPOCHS = (
    (10**9, 4 * 10**9, "s"),
    (10**12, 4 * 10**12, "ms"),
    (10**15, 4 * 10**15, "us"),
    (10**18, 4 * 10**18, "ns"),
)
_HALVES = re.compile(r"[0-9]{1,2}:[0-9]{2}(?P<S>:[0-9]{2})?(?P<gap> ?)[AaPp][Mm]")
_PYTHONIC = re.compile(r"(?:-?[0-9]+ days?, )?[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,6})?)?")
_LENGTH = re.compile(
    r"-?(?:[0-9]+:)?[0-9]{1,3}:[0-9]{2}(?:[.][0-9]+)?|-?P[0-9YMWDTHS.]+|-?[0-9]+ days?(?:,? [0-9:.]+)?"
)


def digit_candidates(values: Values) -> Iterator[Declared]:
    """Dates and instants that are written as whole numbers: the name must suggest them, or many valid days."""
    sample = values.sample
    named = bool(set(values.name) & TIMES)
    if mostly(_COMPACT, sample) and (named or values.distinct >= _CERTAIN_DAYS):
        yield Declared("Date", Date, (Format(dates="%Y%m%d"),))
    epoch = bool(set(values.name) & EPOCHS)
    for low, high, unit in _EPOCHS:
        first = low if not epoch else low * 2 // 5
        if named and all(text.isdigit() and first <= int(text) < high for text in sample):
            yield Declared("TimestampTz", TimestampTz, (Format(epoch=unit),))


def time_candidates(values: Values) -> Iterator[Declared]:
    """Times of a day, and lengths of time: hours may be above 23."""
    sample = values.sample
    if mostly(_CLOCK, sample):
        yield Declared("Time", Time)
        yield from _clocks(sample)
    if mostly(_LENGTH, sample):
        yield Declared("Interval", Interval)
    if mostly(_PYTHONIC, sample):
        yield Declared("Interval", Interval, (Clean(replace=((", ", " "),)),))
    halves = [_HALVES.fullmatch(text) for text in sample]
    formats = {f"%I:%M{':%S' if found['S'] else ''}{found['gap']}%p" for found in halves if found}
    if all(halves) and len(formats) == 1:
        yield Declared("Time", Time, (Format(dates=formats.pop()),))


def _clocks(sample: Sequence[str]) -> Iterator[Declared]:
    """Times whose hours have one digit until 9:59: some are after noon, and none is after midnight."""
    hours = {int(text.partition(":")[0]) for text in sample if _CLOCK.fullmatch(text)}
    parts = {text.count(":") for text in sample if _CLOCK.fullmatch(text)}
    if 12 < max(hours) < 24 and len(parts) == 1 and not any("." in text for text in sample):
        yield Declared("Time", Time, (Format(dates="%H:%M" if parts == {1} else "%H:%M:%S"),))
