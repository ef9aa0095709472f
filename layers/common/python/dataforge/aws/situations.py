"""Failures that AWS reports and no code of Data Forge raises, with stable codes.

Functions, state machines, the API and the command line use this table.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataforge.errors.base import compose

WORKERS_FAILED = "States.ExceedToleratedFailureThreshold"
"""The error of a Distributed Map of which an item failed. The report bucket has the error of the item."""


@dataclass(frozen=True)
class Situation:
    """A failure: its stable code, the parts of its text, and the names under which AWS reports it."""

    code: str
    message: str
    hint: str = ""
    names: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """The text for people."""
        return compose(self.message, hint=self.hint)


_SMALLER_CHUNKS = "Reduce the size of chunks (chunkMegabytes, backupPartMegabytes)"

TIMED_OUT = Situation(
    "FunctionTimedOut",
    "A function exceeded the 15 minutes that Lambda allows.",
    f"Check the database for locks and slow queries. {_SMALLER_CHUNKS}.",
    ("Sandbox.Timedout", "States.Timeout", "States.HeartbeatTimeout"),
)
OUT_OF_MEMORY = Situation(
    "FunctionOutOfMemory",
    "A function exceeded its memory.",
    f"{_SMALLER_CHUNKS}.",
    ("Runtime.OutOfMemory", "MemoryError"),
)
DIED = Situation(
    "FunctionDied",
    "The process of a function ended three times without an answer: it crashed, was killed, or exceeded its memory.",
    "Read the log of the function.",
    ("Runtime.ExitError", "Lambda.Unknown"),
)
WORKER_FAILED = Situation(
    "WorkerFailed",
    "A worker failed, and its error could not be recorded.",
    "Open the map run in the Step Functions console.",
    (WORKERS_FAILED, "States.MapRunFailed"),
)
TOO_MUCH_DATA = Situation(
    "TooMuchData",
    "The input or output of a step exceeded the 256 KiB that Step Functions allows.",
    names=("States.DataLimitExceeded",),
)
NOT_PERMITTED = Situation(
    "NotPermitted",
    "The state machine lacks a permission.",
    "Deploy the stack again.",
    ("States.Permissions", "Lambda.AccessDeniedException", "Lambda.ResourceNotFoundException"),
)
SITUATIONS = (
    TIMED_OUT,
    OUT_OF_MEMORY,
    DIED,
    WORKER_FAILED,
    Situation(
        "Throttled",
        "Lambda refused to run a function for minutes because the account's concurrent executions were used up.",
        "Start again when fewer functions are running, or raise the quota.",
        ("Lambda.TooManyRequestsException",),
    ),
    Situation(
        "LambdaUnavailable",
        "Lambda could not run a function for minutes because of an internal error.",
        "Start again later.",
        (
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.ClientExecutionTimeoutException",
        ),
    ),
    TOO_MUCH_DATA,
    NOT_PERMITTED,
    Situation(
        "UnreadableWorkList",
        "Step Functions could not read or write the work list of a run in the report bucket.",
        names=("States.ItemReaderFailed", "States.ResultWriterFailed"),
    ),
)
"""Failures of a step, which Step Functions lets a state catch."""

EXECUTION_TIMED_OUT = Situation("TimedOut", "The execution exceeded the time limit of its state machine.")
EXECUTION_ABORTED = Situation("Aborted", "The execution was stopped.")
LEFT_BEHIND = Situation(
    "LeftBehind", "The execution ended without releasing its tables. A later run released them."
)
ENDS = (EXECUTION_TIMED_OUT, EXECUTION_ABORTED, LEFT_BEHIND)
"""Ends of an execution that no state can catch."""
