"""Run a function over many inputs in several processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

Result = TypeVar("Result")

_SMALL = 8 << 20
"""The size in bytes of inputs that one process reads before others have started."""


def run_all(
    function: Callable[..., Result],
    calls: Sequence[tuple[Any, ...]],
    sizes: Sequence[int],
    workers: int | None = None,
) -> Iterator[Result]:
    """The results of the calls, in their order; the largest are begun first.

    ``sizes``: of the calls' inputs, in bytes. ``workers``: processes; 0 is this one, and None chooses by size and cores.
    """
    if not needs_processes(sizes, workers):
        for call in calls:
            yield function(*call)
        return
    with ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn")) as pool:
        largest_first = sorted(range(len(calls)), key=lambda number: -sizes[number])
        begun = {number: pool.submit(function, *calls[number]) for number in largest_first}
        for number in range(len(calls)):
            yield begun.pop(number).result()


def needs_processes(sizes: Sequence[int], workers: int | None = None) -> bool:
    """Whether calls with inputs of these sizes are run in other processes."""
    return bool(workers) or (workers is None and len(sizes) > 1 and sum(sizes) >= _SMALL)
