"""Run a command and measure it with all its processes: seconds, CPU seconds, and the peak of their memory together."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import psutil

_EVERY = 0.05


class Measured(NamedTuple):
    """``memory``: the largest sum of the resident sizes of the process and its descendants, in bytes."""

    seconds: float
    cpu: float
    memory: int


def measure(command: Sequence[str]) -> Measured:
    """Run the command to its end; raises ``CalledProcessError`` if it fails."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    memory = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as running:
        root = psutil.Process(running.pid)
        while running.poll() is None:
            memory = max(memory, _resident(root))
            with suppress(subprocess.TimeoutExpired):
                running.wait(_EVERY)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(seconds, cpu, memory)


def _resident(root: psutil.Process) -> int:
    total = 0
    with suppress(psutil.NoSuchProcess):
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total
