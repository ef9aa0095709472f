"""Kinds of API keys, and the check of a key's kind.

API Gateway validates the value of a key before it invokes a function, and names it in the event's request context. The
value begins with the kind.
"""

from __future__ import annotations

import hashlib
import re
from enum import IntEnum

from dataforge.errors import WrongKey

_KEY = re.compile(r"(reader|writer|operator)\.[!-~]{32,}")


class Kind(IntEnum):
    """The kinds of key. Each kind includes the permissions of the previous ones."""

    READER = 1
    WRITER = 2
    OPERATOR = 3


def admit(key: str, least: Kind | None) -> None:
    """Check that the key is of the ``least`` kind or a higher one. Raises ``WrongKey``."""
    if least is None:
        return
    kind = kind_of(key)
    if kind < least:
        raise WrongKey(
            f"This route needs a key of kind {least.name.lower()}, and the key is of kind {kind.name.lower()}."
        )


def kind_of(key: str) -> Kind:
    """The kind of the key. Raises ``WrongKey`` if it is not a key."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise WrongKey("This route needs an API key in the header x-api-key.")
    return Kind[match[1].upper()]


def owner_of(key: str) -> str:
    """The identity of the key, which does not reveal it: its SHA-256 in hex."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
