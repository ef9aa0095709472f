"""States that end a failed execution: record the error of a work item, explain it, and fail."""

from __future__ import annotations

from typing import Any, TypeVar

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from dataforge.aws.failures import UNEXPECTED
from dataforge.aws.situations import SITUATIONS, TOO_MUCH_DATA
from dataforge.runs.step_names import RunStep
from dataforge.s3.keys import FAILURES, failure_key
from infra.workflow.steps import call

State = TypeVar("State", sfn.TaskStateBase, sfn.Map, sfn.DistributedMap, sfn.Parallel)


def catch_all(state: State, handler: sfn.IChainable, result_path: str) -> State:
    """Continue with ``handler`` after any error of the state; it goes to ``result_path``.

    ``States.ALL`` does not match the error of too much data, and must be the last and only name of its catcher.
    ``States.Runtime`` ends the execution: nothing catches it.
    """
    for errors in (list(TOO_MUCH_DATA.names), ["States.ALL"]):
        state.add_catch(handler, errors=errors, result_path=result_path)
    return state


def record_failure(scope: Construct, task: str, report: s3.IBucket) -> sfn.IChainable:
    """For an item of a Distributed Map: write the error at ``$.error`` to ``report``, then fail with it.

    Step Functions writes the object, so it is written even if no function can run. All items of an execution write the same
    key, from which the run's last steps read it.
    """
    failed = sfn.Fail(scope, f"{task}Failed", error_path="$.error.Error", cause_path="$.error.Cause")
    record = tasks.CallAwsService(
        scope,
        f"{task}Caught",
        service="s3",
        action="putObject",
        parameters={
            "Bucket": report.bucket_name,
            "Key": sfn.JsonPath.format(failure_key("{}"), sfn.JsonPath.string_at("$.execution")),
            "Body": sfn.JsonPath.object_at("$.error"),
        },
        iam_resources=[report.arn_for_objects(f"{FAILURES}*")],
        result_path=sfn.JsonPath.DISCARD,
    )
    record.add_retry(errors=["States.ALL"], interval=Duration.seconds(1), backoff_rate=2, max_attempts=3)
    return catch_all(record, failed, "$.record").next(failed)


def explain_with(scope: Construct, function: lambda_.IFunction, **more: Any) -> sfn.TaskStateBase:
    """Call the step "explain" of ``function`` for the error at ``$.error``, and fail with its answer."""
    request = {"step": RunStep.EXPLAIN, "error": sfn.JsonPath.object_at("$.error"), **more}
    payload = sfn.TaskInput.from_object(request)
    explain = call(scope, "Explain", function, payload=payload, result_path="$.failure")
    fail_explained(scope, explain)
    return explain


def fail_explained(scope: Construct, explain: sfn.TaskStateBase) -> sfn.Fail:
    """Fail with the answer of ``explain`` at ``$.failure``; if it fails too, with an explanation of ``$.error`` by states.

    Returns the state that fails with ``$.failure``.
    """
    failed = sfn.Fail(scope, "Failed", error_path="$.failure.error", cause_path="$.failure.cause")
    catch_all(explain, _fail_by_name(scope), "$.explain").next(failed)
    return failed


def _fail_by_name(scope: Construct) -> sfn.Choice:
    """The end if no function can be called: the table of ``dataforge.aws.situations`` as states."""
    choice = sfn.Choice(scope, "WhatFailed")
    for situation in SITUATIONS:
        names = [sfn.Condition.string_equals("$.error.Error", name) for name in situation.names]
        condition = sfn.Condition.or_(*names) if len(names) > 1 else names[0]
        choice.when(
            condition,
            sfn.Fail(scope, f"Failed{situation.code}", error=situation.code, cause=situation.cause),
        )
    cause = sfn.JsonPath.format("AWS reported {}.", sfn.JsonPath.string_at("$.error.Error"))
    unexpected = sfn.Fail(scope, f"Failed{UNEXPECTED}", error=UNEXPECTED, cause_path=cause)
    choice.when(sfn.Condition.string_matches("$.error.Error", "*.*"), unexpected)
    return choice.otherwise(
        sfn.Fail(scope, "FailedRaw", error_path="$.error.Error", cause_path="$.error.Cause")
    )
