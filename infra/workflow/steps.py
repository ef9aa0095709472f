"""A Lambda function as a step of a state machine: its time-out, and what is tried again.

Retries go by name. Step Functions compares names as text, so a subclass or a family of errors matches nothing.
"""

from __future__ import annotations

from typing import TypeVar

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from dataforge.errors import BackupRunning
from dataforge.errors.codes import retried_codes

TRANSIENT = [
    *(code for code in retried_codes() if code != BackupRunning.code),
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

# Step Functions gives up a little after Lambda has, so that it is Lambda's own error that is read.
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
    """A state that invokes ``function``. Without a ``payload`` it gets the state's input, or what stands at ``input_path``.

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


def retry_patiently(task: Task) -> Task:
    """For a step that exchanges tables: wait for a backup of them, and be it of a terabyte. A day of tries."""
    task.add_retry(
        errors=[BackupRunning.code],
        interval=Duration.seconds(5),
        backoff_rate=1.5,
        max_attempts=1_000,
        max_delay=Duration.minutes(2),
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
