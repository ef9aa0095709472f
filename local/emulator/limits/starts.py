"""The time of the start of a function's process: 10 seconds, then a second time, up to the function's time-out.

Lambda's Init phase has 10 seconds and is repeated in the first invocation, whose time-out then ends it
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html). The emulator waits for a start of any length.
Unpacking the code counts here and not on AWS; the time of a repeated start is not subtracted from that of the handler.
"""

import threading
from collections.abc import Callable
from typing import Any

from ministack.core.lambda_runtime import Worker

from local.emulator.anchors import require

SECONDS = 10
DEFAULT_TIMEOUT = 3

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
    late = threading.Event()

    def end() -> None:
        late.set()
        if process := worker._proc:
            process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        start(worker)
    except RuntimeError:  # also of a killed process
        if not late.is_set():
            raise
    finally:
        timer.cancel()
    return not late.is_set()
