"""A Lambda function as a step of a state machine: its time-out and its retries.

Retries list error names. Step Functions compares names as text, so the name of a base class matches no subclass.
"""

from __future__ import annotations

from typing import TypeVar

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from dataforge.errors import BackupRunning, WorkContinues
from dataforge.errors.codes import retried_codes

TRANSIENT = [
    *(code for code in retried_codes() if code not in (BackupRunning.code, WorkContinues.code)),
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
]
"""Nothing was done: the database or Lambda was unavailable."""

DIED = ["Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError", "States.Timeout"]
"""The function ended without an answer. Time-outs and exhausted memory have all of these names. Only idempotent steps are
retried on them."""

# Longer than Lambda's time-out, so that Lambda reports the error.
TIMEOUT = Duration.minutes(16)

Task = TypeVar("Task", bound=sfn.TaskStateBase)


def call(
    scope: Construct,
    name: str,
    function: lambda_.IFunction,
    *,
    payload: sfn.TaskInput | None = None,
    input_path: str | None = None,
    result_path: str | None = None,
) -> sfn.TaskStateBase:
    """A state that calls ``function`` with ``payload``, by default the state's input or the value at ``input_path``.

    Its answer goes to ``result_path``; without one it is the state's whole output.
    """
    task = tasks.LambdaInvoke(
        scope,
        name,
        lambda_function=function,
        payload=payload,
        input_path=input_path,
        payload_response_only=True,
        result_path=result_path,
        retry_on_service_exceptions=False,
        task_timeout=sfn.Timeout.duration(TIMEOUT),
    )
    return retry_transient(task)


def inline_concurrency(wanted: int) -> int:
    """How many iterations a Map inside an execution runs at once: Step Functions runs no more than 40."""
    return min(wanted, 40)


def retry_transient(task: Task) -> Task:
    """Retry through a failover or a throttled minute: six tries over about two minutes, with full jitter."""
    task.add_retry(
        errors=TRANSIENT,
        interval=Duration.seconds(2),
        backoff_rate=2,
        max_attempts=6,
        max_delay=Duration.seconds(60),
        jitter_strategy=sfn.JitterType.FULL,
    )
    return task


def retry_patiently(task: Task) -> Task:
    """Retry for a day: a step that swaps tables waits for a backup of them, even of a terabyte."""
    task.add_retry(
        errors=[BackupRunning.code],
        interval=Duration.seconds(5),
        backoff_rate=1.5,
        max_attempts=1_000,
        max_delay=Duration.minutes(2),
    )
    return task


def retry_while_it_continues(task: Task) -> Task:
    """Repeat a step while PostgreSQL works on it. Each call waits for most of Lambda's 15 minutes: ten days together."""
    task.add_retry(
        errors=[WorkContinues.code],
        interval=Duration.seconds(1),
        backoff_rate=1,
        max_attempts=1_000,
    )
    return task


def retry_died(task: Task) -> Task:
    """Retry twice. A function that ends three times without an answer fails because of its input."""
    task.add_retry(
        errors=DIED,
        interval=Duration.seconds(5),
        backoff_rate=2,
        max_attempts=2,
        jitter_strategy=sfn.JitterType.FULL,
    )
    return task
