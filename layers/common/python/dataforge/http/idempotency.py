"""Idempotency keys: what one may be. What one stands for, each function keeps in its own way."""

from __future__ import annotations

import re

from dataforge.errors import InvalidRequest

REPLAYED_HEADER = "Idempotent-Replayed"
REPLAYED = {REPLAYED_HEADER: "true"}
"""The header of an answer that an earlier request with the same key got."""

_KEY = re.compile(r"[!-~]{1,255}")


def check_key(key: str) -> str:
    """The idempotency key. Raises ``InvalidRequest`` for one that is too long or has other than visible characters."""
    if not _KEY.fullmatch(key):
        raise InvalidRequest("The idempotency key does not have 1 to 255 visible ASCII characters.")
    return key
