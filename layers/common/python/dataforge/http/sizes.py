"""Size of an answer in the payload of Lambda: a JSON string, or base64.

In a JSON string each quote and backslash takes two bytes, and a runtime that escapes other characters than ASCII writes six
bytes for a letter of two. Sizes are calculated for this worst case.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

PAYLOAD_BYTES = 6_291_556
"""Maximum payload of Lambda."""

ANSWER_BYTES = 6_000_000
"""Maximum bytes of the body in the payload; the rest is for headers (10,240 bytes at API Gateway) and the envelope."""

_WORST = 12
"""Maximum bytes of the payload per character: two for a quote, six for é, twelve beyond U+FFFF."""

_SEPARATOR = 2


def payload_bytes(body: str | bytes) -> int:
    """Bytes of the body in the payload."""
    return len(json.dumps(body)) if isinstance(body, str) else -(-len(body) // 3) * 4


def fits(body: str | bytes) -> bool:
    """Whether Lambda can return the body. A body that is short enough in any case is not measured."""
    return len(body) * _WORST <= ANSWER_BYTES or payload_bytes(body) <= ANSWER_BYTES


def leading(items: Sequence[str | bytes], limit: int = ANSWER_BYTES - 10_000) -> int:
    """The number of leading items, JSON each, that fit into one answer."""
    if sum(map(len, items)) * _WORST <= limit:
        return len(items)
    used = 0
    for count, item in enumerate(items):
        used += len(json.dumps(item if isinstance(item, str) else item.decode())) + _SEPARATOR
        if used > limit:
            return count
    return len(items)
