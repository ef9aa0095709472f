"""Candidates for dates and timestamps in the notations that exports use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from dataforge import Clean, Date, Format, Timestamp, TimestampTz
from discovery.types.declared import Declared
from discovery.types.values import Values, mostly

_DAY_TEXT = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,6}0*)?)?")
_OFFSET = re.compile(r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)")
_WEEKDAY = r"(?P<weekday>[A-Za-z]{3,9})(?P<w1>,? )"
_DAY_SHAPES = (
    r"(?P<Y>[0-9]{4})(?P<s1>[-/.])(?P<m>[0-9]{1,2})(?P=s1)(?P<d>[0-9]{1,2})",
    r"(?P<a>[0-9]{1,2})(?P<s1>[-/.])(?P<b>[0-9]{1,2})(?P=s1)(?P<Y>[0-9]{4}|[0-9]{2})",
    r"(?P<d>[0-9]{1,2})(?P<s1>[-/ .]|[.] |)(?P<B>[A-Za-z]{3,9})(?P<s2>[-/ .]|, |)(?P<Y>[0-9]{4}|[0-9]{2})",
    r"(?P<B>[A-Za-z]{3,9})(?P<s1>[- ])(?P<d>[0-9]{1,2})(?P<s2>,? |-)(?P<Y>[0-9]{4})",
    r"(?P<Y>[0-9]{4})(?P<s1>[- ])(?P<B>[A-Za-z]{3,9})(?P<s2>[- ])(?P<d>[0-9]{1,2})",
    r"(?P<Y>[12][0-9]{3})(?P<s1>)(?P<m>[01][0-9])(?P<d>[0-3][0-9])",
)
_CLOCK_SHAPE = (
    r"(?P<c>[ T:]|, )(?P<H>[0-9]{1,2})(?P<colon>:?)(?P<M>[0-9]{2})(?P<S>(?P=colon)[0-9]{2})?(?P<f>[.][0-9]{1,9})?"
    r"(?P<p> ?[AaPp][Mm])?(?P<z> ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
)
_SHAPES = tuple(re.compile(f"(?:{_WEEKDAY})?{day}(?:{_CLOCK_SHAPE})?") for day in _DAY_SHAPES)
_ORDERS = {"/": ("md", "dm"), "-": ("dm", "md"), ".": ("dm", "md")}
"""The more frequent order first."""
_MOST_FORMATS = 3


def date_candidates(values: Values) -> Iterator[Declared]:
    """Dates and timestamps."""
    sample = values.sample
    if mostly(_DAY_TEXT, sample):
        yield Declared("Date", Date)
    yield from _iso(sample)
    if not any(shape.fullmatch(text) for text in sample[:5] for shape in _SHAPES):
        return
    readings = [found for order in ("md", "dm") if (found := _written(values, order))]
    if len(readings) == 2 and readings[0] != readings[1]:
        yield from _either(values, readings)
    else:
        yield from readings[:1]


def _either(values: Values, readings: list[Declared]) -> Iterator[Declared]:
    """Of two orders of day and month, the one that takes all values; both, if all values fit both."""
    refused = [reading.refused_texts(values.texts) for reading in readings]
    if refused[0] != refused[1]:
        yield readings[refused.index(min(refused))]
        return
    separator = next(c for c in values.sample[0] if c in _ORDERS)
    first, second = readings if _ORDERS[separator][0] == "md" else readings[::-1]
    note = (
        f"The order of day and month is a guess: no day of {len(values.texts):,} different values is above 12"
    )
    yield replace(first, note=note, other=second)


def _written(values: Values, order: str) -> Declared | None:
    """Dates in the formats of the sample, with this order of day and month."""
    sample = values.sample
    found = Counter(_format_of(text, order) for text in sample)
    damaged = found.pop("", 0)
    formats = [name for name, _ in found.most_common() if name != "%Y-%m-%d"]
    if damaged > 0.05 * len(sample) or not formats or len(formats) > _MOST_FORMATS:
        return None
    zones = {"%z" in name or "%Z" in name for name in found}
    if len(zones) > 1:
        return None
    clocks = any("%M" in name for name in found)
    kind: tuple[str, Any] = ("Timestamp", Timestamp) if clocks else ("Date", Date)
    if zones == {True}:
        kind = ("TimestampTz", TimestampTz)
    dates = formats[0] if len(formats) == 1 else tuple(formats)
    years = _century(sample) if "%y" in "".join(formats) else Format().century
    return Declared(*kind, (Format(dates=dates, century=years),))


def _format_of(text: str, order: str) -> str:
    """The format of a date or timestamp; empty for other texts."""
    match = next((found for shape in _SHAPES if (found := shape.fullmatch(text))), None)
    if match is None:
        return ""
    part = match.groupdict()
    year = "%Y" if len(part["Y"]) == 4 else "%y"
    month = ("%b" if len(part["B"]) == 3 else "%B") if part.get("B") else "%m"
    places = {"Y": year, "d": "%d", "m": "%m", "B": month}
    places |= {"a": "%m", "b": "%d"} if order == "md" else {"a": "%d", "b": "%m"}
    spans = sorted((match.start(name), match.end(name), places[name]) for name in places if part.get(name))
    day = spans[0][2]
    for (_, end, _), (start, _, directive) in pairwise(spans):
        day += text[end:start] + directive
    weekday = ("%a" if len(part["weekday"]) == 3 else "%A") + part["w1"] if part.get("weekday") else ""
    return weekday + day + _clock(part)


def _clock(part: dict[str, str | None]) -> str:
    if not part["H"]:
        return ""
    colon = part["colon"] or ""
    clock = (part["c"] or "") + ("%I" if part["p"] else "%H") + colon + "%M"
    clock += f"{colon}%S" if part["S"] else ""
    clock += ".%f" if part["f"] else ""
    clock += " " * (part["p"] or "").count(" ") + "%p" if part["p"] else ""
    zone = part["z"] or ""
    return (
        clock + " " * zone.count(" ") + (("%Z" if zone.strip() in ("UTC", "GMT") else "%z") if zone else "")
    )


def _century(sample: Sequence[str]) -> int:
    """Two-digit years that would be in the future are of the last century."""
    this_year = datetime.now(UTC).year % 100
    matches = (found for text in sample for shape in _SHAPES if (found := shape.fullmatch(text)))
    years = {int(match["Y"]) for match in matches if len(match["Y"]) == 2}
    ahead = any(this_year < year < Format().century for year in years)
    return this_year + 1 if ahead else Format().century


def _iso(sample: Sequence[str]) -> Iterator[Declared]:
    rests = set[str]()
    for text in sample:
        match = _ISO.match(text)
        if match is None and not _DAY_TEXT.fullmatch(text):
            return
        rests.add(text[match.end() :] if match else "")
    if rests == {""}:
        yield Declared("Timestamp", Timestamp)
    elif all(_OFFSET.fullmatch(rest) for rest in rests):
        yield Declared("TimestampTz", TimestampTz)
    elif rests <= {" UTC", " GMT"}:
        yield Declared("TimestampTz", TimestampTz, (Clean(replace=((" (UTC|GMT)$", "Z"),)),))
