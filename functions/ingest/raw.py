"""Encode rejected records as JSON that PostgreSQL's jsonb can store."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from dataforge.formats.strict_json import HugeNumber

_LARGEST_EXPONENT, _SMALLEST_EXPONENT = 4_300, -16_000
"""Digits before the point that Python's JSON reader accepts, and after it that numeric accepts (16,383)."""


def raw_json(value: Any) -> str:
    """A record's data as JSON with exact numbers.

    NUL and lone surrogates, which PostgreSQL cannot store, become \\x00 and \\udXXX. Numbers that PostgreSQL or clients
    do not accept become strings.
    """
    if isinstance(value, dict):
        return "{" + ",".join(f"{_string(name)}:{raw_json(v)}" for name, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(raw_json, value)) + "]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, HugeNumber):
        return _string(value.text)
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        fits = (
            isinstance(exponent, int)
            and exponent > _SMALLEST_EXPONENT
            and value.adjusted() < _LARGEST_EXPONENT
        )
        return str(value) if fits else _string(str(value))
    return json.dumps(value)


def _string(text: str) -> str:
    return json.dumps(storable(text), ensure_ascii=False)


def storable(text: str) -> str:
    """Text with NUL and lone surrogates escaped."""
    return text.replace("\0", "\\x00").encode(errors="backslashreplace").decode()
