"""Parse JSON strictly: repeated names, NaN and invalid UTF-8, which parsers read differently, are errors.

Numbers with a fraction or exponent are exact decimals, and so are integers beyond the range of a double.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

_INTEGER_DIGITS = 308
"""Longer integers become decimals: Python rejects them as floats, and as integers from 4,301 digits on."""


@dataclass(frozen=True)
class HugeNumber:
    """A number whose exponent is beyond the range of a decimal. No column accepts it."""

    text: str


class NotStrictJson(ValueError):
    """The text is not JSON that every parser reads alike. The message is a predicate, such as "is not JSON: …"."""


def parse(data: bytes) -> Any:
    """The document in ``data``. Raises ``NotStrictJson`` with the reason and the position; ``UnicodeDecodeError``."""
    text = data.decode()
    try:
        try:
            return _loads(text, Decimal)
        except InvalidOperation:
            return _loads(text, _decimal)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise NotStrictJson(f"is not JSON: {error.msg} ({place})") from None
    except RecursionError:
        raise NotStrictJson("is nested too deeply") from None


def _loads(text: str, decimal: Any) -> Any:
    return json.loads(
        text, parse_int=_integer, parse_float=decimal, parse_constant=_refuse, object_pairs_hook=_object
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        repeated, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise NotStrictJson(f"is ambiguous: an object has the name {repeated[:100]!r} more than once")
    return members


def _refuse(constant: str) -> Any:
    raise NotStrictJson(f"is not JSON: {constant} is not a JSON number")


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _INTEGER_DIGITS else Decimal(text)


def _decimal(text: str) -> Decimal | HugeNumber:
    try:
        return Decimal(text)
    except InvalidOperation:
        return HugeNumber(text)
