"""Compute items one ahead, in a thread, while the caller waits for the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The items in order. While the caller uses one, the next one is computed, and no more. Errors are raised in turn."""
    following = iter(items)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(_next, following)
        while found := pending.result():
            pending = pool.submit(_next, following)
            yield found[0]


def _next(items: Iterator[T]) -> tuple[T] | None:
    """The next item in a tuple; None at the end."""
    for item in items:
        return (item,)
    return None
