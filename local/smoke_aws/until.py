"""Wait for results that AWS shows with a delay."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NotProved(Exception):
    """The result of a step differs from the expected one."""


def until(what: str, find: Callable[[], T | None], seconds: float, pause: float = 5) -> T:
    """Return the first result that is neither None nor empty. Raises ``NotProved`` with ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        if time.monotonic() > deadline:
            raise NotProved(f"{what}: nothing was found for {seconds:.0f} seconds.")
        time.sleep(pause)
    return found
