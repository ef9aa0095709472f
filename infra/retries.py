"""What is tried again, by name: Step Functions compares names as text, so a subclass or a family of errors matches nothing."""

from __future__ import annotations

from typing import TypeVar

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn

from dataforge.errors import Busy, Unavailable

TRANSIENT = [
    Unavailable.__name__,
    Busy.__name__,
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
]
"""Nothing was done: the database or Lambda was not to be had."""

DIED = ["Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError", "States.Timeout"]
"""The function ended without a word. Time-outs and exhausted memory arrive under all of these names, and only a step that
may be repeated whole, whatever it had done, is retried on them."""

Task = TypeVar("Task", bound=sfn.TaskStateBase)


def retry_transient(task: Task) -> Task:
    """Wait out a failover or a throttled minute: six tries over about two minutes, spread by full jitter."""
    task.add_retry(
        errors=TRANSIENT,
        interval=Duration.seconds(2),
        backoff_rate=2,
        max_attempts=6,
        max_delay=Duration.seconds(60),
        jitter_strategy=sfn.JitterType.FULL,
    )
    return task


def retry_died(task: Task) -> Task:
    """Twice more; what dies three times in a row dies of its input."""
    task.add_retry(
        errors=DIED,
        interval=Duration.seconds(5),
        backoff_rate=2,
        max_attempts=2,
        jitter_strategy=sfn.JitterType.FULL,
    )
    return task
