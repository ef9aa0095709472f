"""Waiting for what AWS makes visible a while after it happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NotProved(Exception):
    """A step's result is not what it must be."""


def until(what: str, find: Callable[[], T | None], seconds: float, pause: float = 5) -> T:
    """The first result that is neither None nor empty. Raises ``NotProved`` naming ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        if time.monotonic() > deadline:
            raise NotProved(f"{what}: nothing was found for {seconds:.0f} seconds.")
        time.sleep(pause)
    return found
