"""Return from a function that logs nothing without a wait.

After each invocation the emulator waits up to 50 ms for a first log line, which is most of the time of
a function that logs nothing.
"""

from typing import Any

from ministack.core.lambda_runtime import Worker

from local.emulator.anchors import require

FIRST_LINE_SECONDS = 0.003
QUIET_SECONDS = 0.002


def apply() -> None:
    """Log lines are written before the response; a line that takes over 3 ms appears in the log of the next invocation."""
    require("log_wait", Worker, "_drain_stderr_bounded")
    original = Worker._drain_stderr_bounded

    def drain(worker: Any) -> str:
        lines: str = original(worker, first_line_wait=FIRST_LINE_SECONDS, idle_confirm=QUIET_SECONDS)
        return lines

    Worker._drain_stderr_bounded = drain
