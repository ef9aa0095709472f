"""The check of a key's limits, before the function of a route.

Functions cache the limits of a key for ``SECONDS``, so a change is effective after this time. An end is effective at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from dataforge.errors import KeyEnded, WrongKey
from dataforge.key_limits import MARK, SECONDS, UNLIMITED, KeyLimits

MOST_CACHED = 1000
"""Keys whose limits a process caches."""

ReadLimits = Callable[[str], KeyLimits | None]
"""Reads the limits of the key with an id; None if none are stored."""


def no_limits(key_id: str) -> KeyLimits | None:  # noqa: ARG001  a ``ReadLimits``
    """The limits of a key where none are stored."""
    return None


def limits_of(key: str, key_id: str, read: ReadLimits) -> KeyLimits:
    """The limits of a key. Raises ``KeyEnded`` after its last day, and ``WrongKey`` if it must have limits and has none."""
    if not key_id:
        raise WrongKey("API Gateway did not name the key of the request.")
    found = read(key_id)
    if found is None and f".{MARK}." in key:
        raise WrongKey("The limits of this key are not stored.", hint="Ask an operator to set them again.")
    limits = found or UNLIMITED
    if limits.expires is not None and datetime.now(UTC).date() > limits.expires:
        raise KeyEnded(limits.expires)
    return limits


class CachedLimits:
    """``ReadLimits`` of one process, which reads the limits of a key once in ``SECONDS``."""

    # The time of day continues while Lambda freezes a process; a monotonic clock may stop.
    def __init__(self, read: ReadLimits, clock: Callable[[], float] = time.time) -> None:
        self._read, self._clock = read, clock
        self._known: dict[str, tuple[float, KeyLimits | None]] = {}

    def __call__(self, key_id: str) -> KeyLimits | None:
        """The limits of the key. Raises what the reader raises; limits that are too old are not used instead."""
        now = self._clock()
        known = self._known.get(key_id)
        if known and 0 <= now - known[0] < SECONDS:
            return known[1]
        found = self._read(key_id)
        if len(self._known) >= MOST_CACHED:
            self._known.clear()
        self._known[key_id] = (now, found)
        return found
