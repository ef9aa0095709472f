"""Opaque cursors: the position of the next page of a list, signed. A cursor is valid for its list and filters only.

A cursor is base64 of a signature (HMAC-SHA-256, 16 bytes), the number of the key (8 bytes), and the position as JSON. The
signature covers the list and its filters, which are not in the cursor.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from dataforge.errors import InvalidRequest

CURSOR_LENGTH = 500
"""Maximum characters of a cursor."""

KEY_BYTES = 32
_SIGNATURE_BYTES = 16
_NUMBER_BYTES = 8

P = TypeVar("P")


class CursorKeys(Protocol):
    """The keys that sign the cursors of one function. Several are valid at once, so that keys can be replaced."""

    def newest(self) -> tuple[int, bytes]:
        """The number and the key to sign with."""
        ...

    def find(self, number: int) -> bytes | None:
        """A key that is still valid, or None."""
        ...


def make_cursor(keys: CursorKeys, scope: Any, position: Any) -> str:
    """A cursor to continue after ``position`` in the list that ``scope`` describes; both are JSON."""
    number, key = keys.newest()
    content = number.to_bytes(_NUMBER_BYTES) + _json(position)
    return _encode(_signature(key, scope, content) + content)


def read_cursor(keys: CursorKeys, scope: Any, cursor: str, kind: TypeAdapter[P]) -> P:
    """The position in a cursor of the same scope. Raises ``InvalidRequest`` unless it is signed and of this kind."""
    content = _genuine(keys, scope, cursor)
    if content is None:
        raise InvalidRequest(
            "The cursor is invalid, expired, or belongs to another list or other filters.",
            hint="Start without a cursor.",
        )
    try:
        return kind.validate_json(content, strict=True)
    except ValidationError:
        raise wrong_version() from None


def wrong_version() -> InvalidRequest:
    """The error for a signed position that does not fit the list, which has changed since."""
    return InvalidRequest(
        "The cursor belongs to another version of the list.", hint="Start without a cursor."
    )


def _genuine(keys: CursorKeys, scope: Any, cursor: str) -> bytes | None:
    """The position in a cursor with a valid signature, as JSON, or None."""
    raw = _decode(cursor)
    if raw is None or len(raw) < _SIGNATURE_BYTES + _NUMBER_BYTES:
        return None
    signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    key = keys.find(int.from_bytes(content[:_NUMBER_BYTES]))
    if key is None or not hmac.compare_digest(signature, _signature(key, scope, content)):
        return None
    return content[_NUMBER_BYTES:]


def _signature(key: bytes, scope: Any, content: bytes) -> bytes:
    # The digest has a fixed length, so no other scope and content have the same bytes.
    message = hashlib.sha256(_json(scope)).digest() + content
    return hmac.digest(key, message, "sha256")[:_SIGNATURE_BYTES]


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        errors="surrogatepass"
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(cursor: str) -> bytes | None:
    """The bytes of the canonical encoding, or None."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if _encode(raw) == cursor else None
