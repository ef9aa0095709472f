"""Run a function over many inputs in several processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any, TypeVar

from discovery.no_pandas import refuse_pandas

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
    with _worker_pool(workers) as pool:
        largest_first = sorted(range(len(calls)), key=lambda number: -sizes[number])
        begun = {number: pool.submit(function, *calls[number]) for number in largest_first}
        # Each process ends, and frees its memory, as soon as no call is left.
        pool.shutdown(wait=False)
        for number in range(len(calls)):
            yield begun.pop(number).result()


def run_each(
    function: Callable[..., Result],
    calls: Sequence[tuple[Any, ...]],
    sizes: Sequence[int],
    workers: int | None = None,
) -> Iterator[tuple[int, Result]]:
    """The number of each call with its result, as they end; the calls are begun in their order.

    Arguments as those of ``run_all``.
    """
    if not needs_processes(sizes, workers):
        yield from ((number, function(*call)) for number, call in enumerate(calls))
        return
    with _worker_pool(workers) as pool:
        begun = {pool.submit(function, *call): number for number, call in enumerate(calls)}
        pool.shutdown(wait=False)
        for future in as_completed(begun):
            yield begun.pop(future), future.result()


def needs_processes(sizes: Sequence[int], workers: int | None = None) -> bool:
    """Whether calls with inputs of these sizes are run in other processes."""
    return bool(workers) or (workers is None and len(sizes) > 1 and sum(sizes) >= _SMALL)


@contextmanager
def _worker_pool(workers: int | None) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with the block, and immediately after an error in it or the death of this process."""
    pool = ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn"), initializer=_prepare)
    try:
        yield pool
    except BaseException:
        children = active_children()
        for process in children:
            process.terminate()
        for process in children:
            process.join()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare() -> None:
    refuse_pandas()
    _follow_parent()


def _follow_parent() -> None:
    # Ctrl-C reaches the whole group of processes; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this, processes of the pool wait for work forever if their parent is killed."""
    if parent := parent_process():
        parent.join()
    os._exit(1)
