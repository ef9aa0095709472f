"""Encode rejected records as JSON that PostgreSQL's jsonb can store."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NamedTuple

from dataforge.formats.strict_json import HugeNumber


class _Digits(NamedTuple):
    """The most digits of a number before and after its point."""

    before: int
    after: int


_ACCEPTED = _Digits(4_300, 16_000)
"""Digits before the point that Python's JSON reader accepts, and after it that numeric accepts (16,383)."""

_SHORT = _Digits(40, 40)

MOST_EXPANDED = 100_000
"""Characters that jsonb may add to the numbers of one record, because it has no exponents: 1e4000 has 4,000 digits there."""

_EXPONENT = re.compile(r"\dE[+-]")


def record_json(data: Any) -> str:
    """A record's data as ``raw_json`` encodes it. If its numbers were far longer without exponents, they become strings."""
    text = raw_json(data)
    if _EXPONENT.search(text) and _expanded(data) > MOST_EXPANDED:
        return raw_json(data, _SHORT)
    return text


def raw_json(value: Any, digits: _Digits = _ACCEPTED) -> str:
    """A value as JSON with exact numbers.

    NUL and lone surrogates, which PostgreSQL cannot store, become \\x00 and \\udXXX. Numbers that PostgreSQL or clients
    do not accept, or that have more digits, become strings.
    """
    if isinstance(value, dict):
        return "{" + ",".join(f"{_string(name)}:{raw_json(v, digits)}" for name, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(raw_json(v, digits) for v in value) + "]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, HugeNumber):
        return _string(value.text)
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        fits = isinstance(exponent, int) and exponent > -digits.after and value.adjusted() < digits.before
        # A number without an exponent is as long as it was sent.
        short = digits is _SHORT and "E" not in str(value)
        return str(value) if fits or short else _string(str(value))
    return json.dumps(value)


def _expanded(value: Any) -> int:
    """The characters that jsonb adds to the numbers, at least those of their exponents."""
    if isinstance(value, dict):
        return sum(map(_expanded, value.values()))
    if isinstance(value, list):
        return sum(map(_expanded, value))
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return abs(exponent) if isinstance(exponent, int) and "E" in str(value) else 0
    return 0


def _string(text: str) -> str:
    return json.dumps(storable(text), ensure_ascii=False)


def storable(text: str) -> str:
    """Text with NUL and lone surrogates escaped."""
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()
