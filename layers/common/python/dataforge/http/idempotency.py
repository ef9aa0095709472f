"""Syntax of idempotency keys, and the header of replayed answers."""

from __future__ import annotations

import re

from dataforge.errors import InvalidRequest

REPLAYED_HEADER = "Idempotent-Replayed"
REPLAYED = {REPLAYED_HEADER: "true"}
"""The header of an answer that repeats the answer to an earlier request with the same key."""

_KEY = re.compile(r"[!-~]{1,255}")


def check_key(key: str) -> str:
    """The idempotency key. Raises ``InvalidRequest`` unless it has 1 to 255 visible ASCII characters."""
    if not _KEY.fullmatch(key):
        raise InvalidRequest("The idempotency key does not have 1 to 255 visible ASCII characters.")
    return key
