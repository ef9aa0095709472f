"""Failures that AWS reports and no code of ours raises, by stable codes; functions, states and clients share them."""

from __future__ import annotations

from dataclasses import dataclass

WORKERS_FAILED = "States.ExceedToleratedFailureThreshold"
"""How a Distributed Map ends when one of its items failed. The item's own error is in the report bucket."""


@dataclass(frozen=True)
class Situation:
    """A failure that is not an error of ours: its stable code, its cause, and the names under which AWS reports it."""

    error: str
    cause: str
    names: tuple[str, ...]


TIMED_OUT = Situation(
    "FunctionTimedOut",
    "A function did not finish within the 15 minutes that Lambda allows. Look for locks and slow queries in the database;"
    " smaller chunks (chunkMegabytes, backupPartMegabytes) take less time each.",
    ("Sandbox.Timedout", "States.Timeout", "States.HeartbeatTimeout"),
)
OUT_OF_MEMORY = Situation(
    "FunctionOutOfMemory",
    "A function used more memory than it has. Smaller chunks (chunkMegabytes, backupPartMegabytes) need less.",
    ("Runtime.OutOfMemory", "MemoryError"),
)
DIED = Situation(
    "FunctionDied",
    "The process of a function ended without an answer, three times in a row: it crashed, was killed, or ran out of memory."
    " The function's log has more.",
    ("Runtime.ExitError", "Lambda.Unknown"),
)
WORKER_FAILED = Situation(
    "WorkerFailed",
    "A worker failed, and its error could not be recorded. The map run in the Step Functions console shows it.",
    (WORKERS_FAILED, "States.MapRunFailed"),
)
SITUATIONS = (
    TIMED_OUT,
    OUT_OF_MEMORY,
    DIED,
    WORKER_FAILED,
    Situation(
        "Throttled",
        "Lambda refused to run a function for minutes: the account's concurrent executions were used up. Start again when"
        " less is running, or raise the quota.",
        ("Lambda.TooManyRequestsException",),
    ),
    Situation(
        "LambdaUnavailable",
        "Lambda could not run a function for minutes, for a reason of its own. Start again later.",
        (
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.ClientExecutionTimeoutException",
        ),
    ),
    Situation(
        "TooMuchData",
        "A step's input or output was larger than the 256 KiB that Step Functions carries.",
        ("States.DataLimitExceeded",),
    ),
    Situation(
        "NotPermitted",
        "The state machine lacks a permission that it needs. Deploy the stack again.",
        ("States.Permissions", "Lambda.AccessDeniedException", "Lambda.ResourceNotFoundException"),
    ),
    Situation(
        "UnreadableWorkList",
        "Step Functions could not read or write the list of a run's work in the report bucket.",
        ("States.ItemReaderFailed", "States.ResultWriterFailed"),
    ),
)
