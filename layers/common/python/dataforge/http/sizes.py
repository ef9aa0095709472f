"""How large an answer is as Lambda returns it: JSON in JSON, or base64.

Lambda returns 6,291,556 bytes at most, and an answer's text is a string of that document: each quote and each backslash
takes two bytes of it, and a runtime that escapes what is not ASCII makes six bytes of a letter that has two. Sizes here are
of that worst case.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

PAYLOAD_BYTES = 6_291_556
"""What Lambda returns at most."""

ANSWER_BYTES = 6_000_000
"""What the body may have of it; headers (10,240 bytes at API Gateway) and the envelope take little of the rest."""

_WORST = 12
"""Bytes of the payload for one character, or byte, of a JSON text: two for a quote, six for é, twelve beyond U+FFFF."""

_SEPARATOR = 2


def payload_bytes(body: str | bytes) -> int:
    """What the body takes of the payload."""
    return len(json.dumps(body)) if isinstance(body, str) else -(-len(body) // 3) * 4


def fits(body: str | bytes) -> bool:
    """Whether Lambda can return the body. JSON that is too small to matter is not measured."""
    return len(body) * _WORST <= ANSWER_BYTES or payload_bytes(body) <= ANSWER_BYTES


def leading(items: Sequence[str | bytes], limit: int = ANSWER_BYTES - 10_000) -> int:
    """How many of the items, JSON each, fit into one answer, from the first on."""
    if sum(map(len, items)) * _WORST <= limit:
        return len(items)
    used = 0
    for count, item in enumerate(items):
        used += len(json.dumps(item if isinstance(item, str) else item.decode())) + _SEPARATOR
        if used > limit:
            return count
    return len(items)
