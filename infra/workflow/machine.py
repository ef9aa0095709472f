"""A state machine as a resource: its name, its log and its permissions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import Aws, Duration, Fn
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from dataforge.s3.keys import FAILURES
from infra.foundation.acknowledge import acknowledge, logical_id
from infra.foundation.log_groups import log_group
from infra.settings import Settings

LOGGED_BEFORE = ("migration", "backup", "restore", "export")
"""The machines of commit a6f090d, whose log groups had other names."""


def machine_name(settings: Settings, kind: str) -> str:
    """The name of a machine. It is explicit because roles refer to its executions before it exists."""
    return f"{settings.stack_name}-{kind}"


def make_machine(
    scope: Construct,
    *,
    settings: Settings,
    kind: str,
    comment: str,
    start: sfn.IChainable,
    timeout: Duration,
    functions: Sequence[lambda_.Function],
    holders: Sequence[str],
    report: s3.Bucket,
    labels: Sequence[str],
) -> sfn.StateMachine:
    """The machine of this ``kind``. ``holders``: machines whose executions it reads. ``labels``: its Distributed Maps."""
    if kind in LOGGED_BEFORE:
        # The log group of an older version of this stack. Its logs remain until their retention ends.
        log_group(scope, "MachineLogs", settings)
    machine = sfn.StateMachine(
        scope,
        "Machine",
        state_machine_name=machine_name(settings, kind),
        comment=comment,
        definition_body=sfn.DefinitionBody.from_chainable(start),
        timeout=timeout,
        tracing_enabled=True,
        logs=sfn.LogOptions(
            destination=log_group(scope, "Executions", settings, name=_log_name(settings, kind)),
            level=sfn.LogLevel.ERROR,
            include_execution_data=False,
        ),
    )
    _acknowledge(machine, functions=functions, report=report)
    _acknowledge_executions(machine, holders, labels)
    return machine


def _log_name(settings: Settings, kind: str) -> str:
    """Log delivery enters each group in one policy of the account, of 5,120 characters, unless it has this prefix.

    The stack's id: a group that remains from a deleted stack must have another name.
    """
    stack_id = Fn.select(2, Fn.split("/", Aws.STACK_ID))
    return f"/aws/vendedlogs/states/{machine_name(settings, kind)}-{stack_id}"


def _acknowledge(
    machine: sfn.StateMachine, *, functions: Sequence[lambda_.Function], report: s3.Bucket
) -> None:
    acknowledge(
        machine,
        "ALL would log every step of every chunk, at CloudWatch's price for ingestion, and show no more than the "
        "execution's history, which is stored for 90 days at no charge. Errors are logged, without data.",
        "SF1",
    )
    acknowledge(
        machine,
        "CDK lets the machine invoke any version of a function; the function itself is named.",
        *(f"IAM5[Resource::<{logical_id(function)}.Arn>:*]" for function in functions),
    )
    acknowledge(
        machine,
        "A Distributed Map reads the plan's lists of chunks and writes its results, under keys that the plan and Step "
        "Functions choose. Only the report bucket is named, which holds no record.",
        f"IAM5[Resource::arn:<AWS::Partition>:s3:::<{logical_id(report)}>/*]",
        f"IAM5[Resource::<{logical_id(report)}.Arn>/{FAILURES}*]",
    )
    acknowledge(machine, "CloudWatch's log delivery and X-Ray know no resource.", "IAM5[Resource::*]")


def _acknowledge_executions(machine: sfn.StateMachine, holders: Sequence[str], labels: Sequence[str]) -> None:
    acknowledge(
        machine,
        "An execution's name is not known before it starts. These are executions of machines of this stack: the run "
        "that holds a lease, and the children of its Distributed Maps.",
        *(f"IAM5[Resource::{arn}]" for arn in _executions(machine, holders, labels)),
    )


def _executions(machine: sfn.StateMachine, holders: Sequence[str], labels: Sequence[str]) -> Iterator[str]:
    """The patterns in the machine's role, as cdk-nag prints them."""
    prefix = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:"
    named_by_cdk = f'{{"Fn::Select":[6,{{"Fn::Split":[":",{{"Ref":"{logical_id(machine)}"}}]}}]}}'
    yield from (f"{prefix}{name}:*" for name in holders)
    yield f"{prefix}{named_by_cdk}:*"
    yield from (f"{prefix}{named_by_cdk}/{label}:*" for label in labels)
