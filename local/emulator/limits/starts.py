"""The time of the start of a function's process: 10 seconds, then a second time, up to the function's time-out.

Lambda's Init phase has 10 seconds and is repeated in the first invocation, whose time-out then ends it
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html). The emulator waits for a start of any length.
The time in which a process waited for a processor of a busy machine does not count. The time of a repeated start is not
subtracted from that of the handler.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core.lambda_runtime import Worker

from local.emulator.anchors import require

SECONDS = 10
DEFAULT_TIMEOUT = 3
INTERVAL_SECONDS = 0.2

Start = Callable[[Any], None]


def apply() -> None:
    """A start that takes too long twice is a time-out of the function."""
    require("limits.starts", Worker, "_spawn")
    start: Start = Worker._spawn

    def start_in_time(worker: Any) -> None:
        timeout = worker.config.get("Timeout") or DEFAULT_TIMEOUT
        if not (_started(start, worker, SECONDS) or _started(start, worker, timeout)):
            raise RuntimeError(f"Task timed out after {timeout}.00 seconds")

    Worker._spawn = start_in_time


def _started(start: Start, worker: Any, seconds: float) -> bool:
    """Whether the process has started in time; otherwise it is killed."""
    ended, late = threading.Event(), threading.Event()
    watch = threading.Thread(
        target=_end_if_late, args=(worker, worker._proc, seconds, ended, late), daemon=True
    )
    watch.start()
    try:
        start(worker)
    except RuntimeError:  # also of a killed process
        if not late.is_set():
            raise
    finally:
        ended.set()
        watch.join()
    return not late.is_set()


def _end_if_late(
    worker: Any, before: Any, seconds: float, ended: threading.Event, late: threading.Event
) -> None:
    """Kill the process that follows ``before`` if it takes longer than these seconds."""
    began = None
    while not ended.wait(INTERVAL_SECONDS):
        process = worker._proc
        if process is before or process is None:
            continue
        began = began or time.monotonic()
        if time.monotonic() - began - waited_seconds(process.pid) > seconds:
            late.set()
            process.kill()
            return


def waited_seconds(pid: int) -> float:
    """The time in which the process could run and had no processor, as Linux counts it; 0 elsewhere."""
    try:
        _, nanoseconds, _ = Path("/proc", str(pid), "schedstat").read_text().split()
    except (OSError, ValueError):
        return 0
    return int(nanoseconds) / 1e9
