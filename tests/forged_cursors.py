"""Forged cursors: what a caller can make of genuine ones, of former ones, and without the key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.sampled_from([-1, 0, 1, 2**31, 2**63 - 1, 2**63, 10**30, 0.5, float("inf"), float("nan")])
POSITION = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.integers()
    | st.text(max_size=9)
    | st.sampled_from(["\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def decoded(cursor: str) -> bytes:
    """The bytes of a cursor."""
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def encoded(raw: bytes) -> str:
    """The cursor of these bytes."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def former(scope: Any, position: Any) -> str:
    """A cursor of versions without signatures, whose seal needs no key."""
    seal = hashlib.sha256(json.dumps([scope, position], sort_keys=True).encode()).hexdigest()[:16]
    return encoded(json.dumps([seal, position], separators=(",", ":")).encode())


def signed(number: int, key: bytes, scope: Any, position: Any) -> str:
    """A cursor with a signature by any key."""
    content = number.to_bytes(8) + json.dumps(position).encode()
    listed = json.dumps(scope, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return encoded(hmac.digest(key, hashlib.sha256(listed).digest() + content, "sha256")[:16] + content)


@st.composite
def damaged(draw: st.DrawFn, cursors: Sequence[str]) -> str:
    """A genuine cursor with changed, inserted or removed bytes."""
    raw = bytearray(decoded(draw(st.sampled_from(cursors))))
    start = draw(st.integers(0, len(raw) - 1))
    stop = draw(st.integers(start, min(len(raw), start + 9)))
    raw[start:stop] = draw(st.binary(max_size=9))
    return encoded(bytes(raw))


def forged(cursors: Sequence[str], scope: Any) -> st.SearchStrategy[str]:
    """Cursors that no listing of this scope has made, except that damage may leave one unchanged."""
    number = int.from_bytes(decoded(cursors[0])[16:24])
    return (
        damaged(cursors)
        | st.builds(former, st.just(scope), POSITION)
        | st.builds(
            signed,
            st.sampled_from([number, number + 1, 0, 2**64 - 1]),
            st.sampled_from([b"", bytes(32)]),
            st.just(scope),
            POSITION,
        )
        | st.text(max_size=60)
        | st.text("ABCabc123-_=", max_size=60)
    )
