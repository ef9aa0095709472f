"""Opaque cursors: the position of the next page of a list. A cursor is valid for its list and filters only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from dataforge.errors import InvalidRequest

CURSOR_LENGTH = 500
"""Maximum characters of a cursor."""


def make_cursor(scope: Any, position: Any) -> str:
    """A cursor to continue after ``position`` in the list that ``scope`` describes; both are JSON."""
    document = json.dumps([_seal(scope, position), position], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def read_cursor(scope: Any, cursor: str) -> Any:
    """The position in a cursor of the same scope. Raises ``InvalidRequest``."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        seal, position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        genuine = seal == _seal(scope, position)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        genuine = False
    if not genuine:
        raise InvalidRequest(
            "The cursor belongs to another list or other filters.", hint="Start without a cursor."
        )
    return position


def _seal(scope: Any, position: Any) -> str:
    """A checksum that detects damaged cursors and cursors of other lists; it protects no secret."""
    return hashlib.sha256(json.dumps([scope, position], sort_keys=True).encode()).hexdigest()[:16]
