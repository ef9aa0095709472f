"""Return from an invocation when its log is complete, without a wait.

On Lambda an invocation has all lines that the function has written. The emulator waits up to 50 ms for a first line, and
until no line has come for 5 ms: most of the time of a function that logs nothing, and too short for lines that come later.
Here, each process of a Python function ends the log of an invocation with its request id.
"""

import queue
import re
import time
from typing import Any

from ministack.core.lambda_runtime import Worker

from local.emulator.anchors import require
from local.emulator.worker_script import change_worker_script

LONGEST_WAIT_SECONDS = 0.25
"""As in the emulator: a process that was killed has not ended its log."""
MARK = "\x1e"
FLUSH = "        _real_stdout.flush()\n\nrun()"
"""The end of an invocation in the worker's script: its result is sent."""
END_LOG = f"""        try:
            sys.__stderr__.flush()
            os.write(2, ({MARK!r} + context.aws_request_id + "\\n").encode())
        except (OSError, ValueError):  # closed by the function
            pass
{FLUSH}"""
END = re.compile(MARK + r"[0-9a-f-]{36}\Z")


def apply() -> None:
    """Lines that a thread or a child process writes after the handler's end are in the log of the next invocation."""
    require("log_wait", Worker, "invoke", "_drain_stderr_bounded", "_drain_stderr")
    change_worker_script("log_wait", FLUSH, END_LOG)
    invoke, drain = Worker.invoke, Worker._drain_stderr_bounded

    def invoke_with_log(worker: Any, event: Any, request_id: str, **others: Any) -> dict[str, Any]:
        worker._log_end = MARK + request_id
        answer: dict[str, Any] = invoke(worker, event, request_id, **others)
        return answer

    def drain_until_end(worker: Any) -> str:
        if not worker.config.get("Runtime", "").startswith("python"):
            return str(drain(worker))
        return "\n".join(_lines(worker))

    Worker.invoke, Worker._drain_stderr_bounded = invoke_with_log, drain_until_end


def _lines(worker: Any) -> list[str]:
    """The lines up to the end of the invocation's log. Ends of earlier ones, which came too late, are left out."""
    lines: list[str] = []
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while (left := deadline - time.monotonic()) > 0 and worker._stderr_thread.is_alive():
        try:
            line: str = worker._stderr_queue.get(timeout=left)
        except queue.Empty:
            break
        end = END.search(line)
        lines += _written(line)
        if end and end[0] == worker._log_end:
            return lines
    rest = worker._drain_stderr()
    return [*lines, *(text for line in rest.split("\n") for text in _written(line))] if rest else lines


def _written(line: str) -> list[str]:
    """The line without the end of a log; nothing if it has only that."""
    text = END.sub("", line)
    return [text] if text or text == line else []
