"""Raise SIGTERM and SIGHUP as exceptions, so that a command that is terminated removes what it has begun."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Terminated(KeyboardInterrupt):
    """A signal ended this process."""


@contextmanager
def raised_signals() -> Iterator[None]:
    """Raise ``Terminated`` in the block. A signal that is ignored, as by nohup, remains so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        for number, handler in before.items():
            if handler == signal.SIG_DFL:
                signal.signal(number, _terminate)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(number: int, _frame: FrameType | None) -> None:
    # A second one would interrupt the deletion.
    signal.signal(number, signal.SIG_IGN)
    raise Terminated
