"""Who may call a route: the kinds of API key, and the one check of a key's kind.

API Gateway vouches for a key's whole value before a function sees the request; the value begins with its kind.
"""

from __future__ import annotations

import hashlib
import re
from enum import IntEnum

from dataforge.errors import WrongKey

_KEY = re.compile(r"(reader|writer|operator)\.[!-~]{32,}")


class Kind(IntEnum):
    """The kinds of key; each may do what the ones before it may."""

    READER = 1
    WRITER = 2
    OPERATOR = 3


def admit(key: str, least: Kind | None) -> None:
    """Let the request pass if its key is of the ``least`` kind or a higher one. Raises ``WrongKey``."""
    if least is None:
        return
    match = _KEY.fullmatch(key)
    if match is None:
        raise WrongKey("This route needs an API key in the header x-api-key.")
    kind = Kind[match[1].upper()]
    if kind < least:
        raise WrongKey(
            f"This route needs a key of kind {least.name.lower()}, and the key is of kind {kind.name.lower()}."
        )


def owner_of(key: str) -> str:
    """The key's identity, from which the key cannot be told: SHA-256 in hex."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
