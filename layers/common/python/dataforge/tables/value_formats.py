"""How a file writes the values of a column: dates, decimal marks, Boolean words, and texts that mean NULL.

A format turns a text into the text that the column's type reads; it never decides whether the value is valid. It applies to
files only: JSON records are typed already. Each rewritten value is counted under ``formatted`` or ``emptied``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache

from dataforge.formats.words import texts
from dataforge.tables.types.interval import INTERVAL, Interval
from dataforge.tables.types.numbers import NUMBER_TEXT

UNREADABLE = "not a number in the declared format"
"""Stands for a number that contradicts the declared marks; no type of numbers reads it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_LONGEST = 2**63
"""Microseconds of an interval."""
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)
_PARTS = {
    "%Y": r"(?P<Y>[0-9]{4})",
    "%y": r"(?P<y>[0-9]{2})",
    "%m": r"(?P<m>[0-9]{1,2})",
    "%d": r"(?P<d>[0-9]{1,2})",
    "%b": r"(?P<b>[A-Za-z]{3})",
    "%B": r"(?P<B>[A-Za-z]{3,9})",
    "%a": r"[A-Za-z]{3}",
    "%A": r"[A-Za-z]{6,9}",
    "%H": r"(?P<H>[0-9]{1,2})",
    "%I": r"(?P<I>[0-9]{1,2})",
    "%p": r"(?P<p>[AaPp][Mm])",
    "%M": r"(?P<M>[0-9]{1,2})",
    "%S": r"(?P<S>[0-9]{1,2})",
    "%f": r"(?P<f>[0-9]{1,6})0*",
    "%Z": r"(?P<Z>UTC|GMT)",
    "%z": r"(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})",
}
_WORDS = (
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("HH(24)?", "%H"),
    ("MI", "%M"),
    ("SS", "%S"),
)
"""The parts of a date as other programs name them."""
_DIRECTIVE = re.compile("%.|[^%]+|%$", re.DOTALL)


@dataclass(frozen=True)
class Format:
    """How the values of a column, or of all columns of a kind, are written in files.

    ``dates``: a date or time as ``strptime`` names its parts (%Y %y %m %d %b %B %a %A %H %I %p %M %S %f %z
    %Z); they are tried in order.
    ``epoch``: numbers of seconds (s), ms, us or ns since 1970; of an interval: its length. ``century``: two-digit years
    below it are 20xx, others 19xx.
    ``decimal`` and ``thousands``: the marks of numbers. ``symbols``: signs around a number that are removed, as ("€", "%").
    ``minus``: how minus one is written: "1-" or "(1)"; a leading - is read as well.
    ``separator``: the text between the elements of an array. ``base64``: bytes are written in base64.
    ``true`` and ``false``: words of a Boolean. ``null``: texts that mean NULL.
    Raises ``ValueError`` for what contradicts itself.
    """

    dates: str | tuple[str, ...] = ()
    epoch: str | None = None
    century: int = 70
    decimal: str = "."
    thousands: str | None = None
    symbols: tuple[str, ...] = ()
    minus: str = "-1"
    separator: str | None = None
    base64: bool = False
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    null: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("symbols", "true", "false", "null"):
            object.__setattr__(self, name, texts(name, getattr(self, name)))
        if self.epoch is not None and self.epoch not in _EPOCH_UNITS:
            raise ValueError(f"epoch is {self.epoch!r}; it must be one of {', '.join(_EPOCH_UNITS)}")
        if self.separator == "":
            raise ValueError("separator is empty; write the text between two elements, such as '|'")
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        for mark in filter(None, (self.decimal, self.thousands)):
            if len(mark) != 1 or mark.isalnum() or mark in "+-":
                raise ValueError(f"{mark!r} cannot be a mark inside numbers; use one character, such as ','")
        if self.minus.count("1") != 1 or self.minus == "1" or any(c.isalnum() for c in self._minus_signs):
            raise ValueError(
                f'minus is {self.minus!r}; write minus one as the file does, such as "1-" or "(1)"'
            )
        both = {word.lower() for word in self.true} & {word.lower() for word in self.false}
        if both:
            raise ValueError(f"{', '.join(sorted(both))} cannot be both true and false")
        for pattern in self.date_formats:
            _compile(pattern)

    @property
    def date_formats(self) -> tuple[str, ...]:
        """The formats of dates, in the order in which they are tried."""
        return (self.dates,) if isinstance(self.dates, str) else self.dates

    @cached_property
    def _minus_signs(self) -> tuple[str, str]:
        """The signs before and behind a negative number."""
        before, _, behind = self.minus.partition("1")
        return before, behind

    @cached_property
    def _dates(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(_compile, self.date_formats))

    def rewrite(self, kind: str, text: str) -> str | None:
        """The text that a column of this kind reads; None: NULL. A text that the format does not fit stays as it is."""
        if text in self.null:
            return None
        match kind:
            case "date" | "timestamp" | "timestamptz" | "time":
                return self._moment(kind, text)
            case "smallint" | "integer" | "bigint" | "numeric" | "real" | "double":
                return self._plain_number(text)
            case "boolean":
                return self._boolean(text)
            case "interval":
                return self._length(text)
            case "array" if self.separator is not None and not text.startswith("{"):
                # A blank stands for any number of them.
                items = text.split(None if self.separator == " " else self.separator)
                return json.dumps([item.strip() for item in items])
            case "bytea" if self.base64:
                return _from_base64(text)
        return text

    def _boolean(self, text: str) -> str:
        word = text.lower()
        if word in map(str.lower, self.true):
            return "true"
        return "false" if word in map(str.lower, self.false) else text

    def _plain_number(self, text: str) -> str:
        if self.decimal == "." and self.thousands is None and not self.symbols and self.minus == "-1":
            return text
        plain = self._with_leading_minus(_without(text, self.symbols))
        if self.thousands is not None:
            whole, point, fraction = plain.partition(self.decimal)
            groups = whole.lstrip("+-").split(self.thousands)
            if len(groups) > 1 and not (0 < len(groups[0]) <= 3 and all(len(g) == 3 for g in groups[1:])):
                return UNREADABLE
            plain = whole.replace(self.thousands, "") + point + fraction
        if self.decimal != "." and "." in plain:
            # The type would read the point as a decimal mark, and the value would be another one.
            return UNREADABLE
        plain = plain.replace(self.decimal, ".")
        return plain if NUMBER_TEXT.fullmatch(plain) else text

    def _with_leading_minus(self, text: str) -> str:
        before, behind = self._minus_signs
        if self.minus == "-1" or not (text.startswith(before) and text.endswith(behind)):
            return text
        return "-" + text.removeprefix(before).removesuffix(behind).strip()

    def _moment(self, kind: str, text: str) -> str:
        if self.epoch is not None and NUMBER_TEXT.fullmatch(text):
            return _from_epoch(kind, text, _EPOCH_UNITS[self.epoch])
        for pattern in self._dates:
            if match := pattern.fullmatch(text):
                return self._iso(kind, match.groupdict()) or text
        return text

    def _length(self, text: str) -> str:
        """The length of time that a number of units, or hours, minutes and seconds in a format, stand for."""
        if self.epoch is not None and NUMBER_TEXT.fullmatch(text):
            microseconds = Decimal(text) * 1_000_000 / _EPOCH_UNITS[self.epoch]
            whole = abs(microseconds) < _LONGEST and microseconds == int(microseconds)
            return INTERVAL.text(Interval(microseconds=int(microseconds))) if whole else text
        for pattern in self._dates:
            if match := pattern.fullmatch(text):
                return self._iso("time", match.groupdict()) or text
        return text

    def _iso(self, kind: str, parts: dict[str, str]) -> str | None:
        """The parts in ISO 8601, as the kind needs them; None where one makes no sense."""
        hour = parts.get("H") or parts.get("I") or "0"
        if parts.get("p"):
            if not 1 <= int(hour) <= 12:
                return None
            hour = str(int(hour) % 12 + (12 if parts["p"].lower() == "pm" else 0))
        clock = f"{int(hour):02d}:{int(parts.get('M') or 0):02d}:{int(parts.get('S') or 0):02d}"
        clock += f".{parts['f']}" if parts.get("f") else ""
        if kind == "time":
            return clock
        day = self._day(parts)
        if kind == "date":
            return day if not clock.strip("0:.") else None
        return day and f"{day} {clock}{parts.get('z') or ('Z' if parts.get('Z') else '')}"

    def _day(self, parts: dict[str, str]) -> str | None:
        month = parts.get("m")
        if name := (parts.get("b") or parts.get("B") or "").lower():
            names = [full[:3] for full in _MONTHS] if parts.get("b") else list(_MONTHS)
            if name not in names:
                return None
            month = str(names.index(name) + 1)
        year = parts.get("Y")
        if year is None and parts.get("y"):
            short = int(parts["y"])
            year = str((2000 if short < self.century else 1900) + short)
        if not (year and month and parts.get("d")):
            return None
        return f"{year}-{int(month):02d}-{int(parts['d']):02d}"


def _without(text: str, symbols: Iterable[str]) -> str:
    for symbol in symbols:
        text = text.replace(symbol, "", 1)
    return text.strip()


def _from_base64(text: str) -> str:
    """Bytes in hexadecimal digits."""
    try:
        return "\\x" + base64.b64decode("".join(text.split()), validate=True).hex()
    except ValueError:
        return text


def _from_epoch(kind: str, text: str, unit: int) -> str:
    microseconds = Decimal(text) * 1_000_000 / unit
    if abs(microseconds) >= _LONGEST or microseconds != int(microseconds):
        return text
    try:
        moment = _EPOCH + timedelta(microseconds=int(microseconds))
    except OverflowError:
        return text
    if kind == "date":
        return moment.date().isoformat() if moment.time() == datetime.min.time() else text
    clear = moment.replace(tzinfo=None).isoformat(sep=" ")
    if kind == "time":
        return text
    return clear + ("+00:00" if kind == "timestamptz" else "")


@lru_cache(1024)
def _compile(date_format: str) -> re.Pattern[str]:
    """A format of dates as a pattern over the whole text. Raises ``ValueError`` naming a part that is not known.

    Parts that follow each other without a separator have two digits: 2016111 is neither 11 January nor 1 November.
    """
    pattern, seen, pieces = "", set[str](), _DIRECTIVE.findall(date_format)
    for place, piece in enumerate(pieces):
        if not piece.startswith("%"):
            pattern += re.escape(piece)
            continue
        if piece == "%%":
            pattern += "%"
            continue
        if piece not in _PARTS:
            raise ValueError(f"dates={date_format!r}: {piece} is not known; these are: {' '.join(_PARTS)}")
        if piece in seen:
            raise ValueError(f"dates={date_format!r}: {piece} occurs twice")
        seen.add(piece)
        beside = pieces[max(place - 1, 0) : place] + pieces[place + 1 : place + 2]
        adjacent = any(other in _PARTS for other in beside)
        pattern += _PARTS[piece].replace("{1,2}", "{2}") if adjacent else _PARTS[piece]
    if not seen:
        parts = date_format
        for word, directive in _WORDS:
            parts = re.sub(word, directive, parts, flags=re.IGNORECASE)
        raise ValueError(f"dates={date_format!r} names no part such as %d; write dates={parts!r}")
    return re.compile(pattern)


def fits_format(date_format: str, texts: Iterable[str]) -> bool:
    """Whether any of the texts has the parts of a date in this format."""
    pattern = _compile(date_format)
    return any(pattern.fullmatch(text) for text in texts)
