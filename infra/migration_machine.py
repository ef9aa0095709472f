"""The migration's state machine as a resource: its name, its log, and what its role may do."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.acknowledge import acknowledge, logical_id
from infra.log_groups import log_group
from infra.migration_states import MigrationStates
from infra.settings import Settings


def make_machine(
    scope: Construct,
    *,
    settings: Settings,
    control: lambda_.Function,
    load: lambda_.Function,
    report: s3.Bucket,
) -> sfn.StateMachine:
    """The state machine. Its name is given, for its role must name its executions before it exists."""
    name = f"{settings.stack_name}-migration"
    states = MigrationStates(
        scope,
        "States",
        control=control,
        load=load,
        report=report,
        concurrency=settings.load_concurrency,
        holders=[name, f"{settings.stack_name}-restore"],
    )
    machine = sfn.StateMachine(
        scope,
        "Machine",
        state_machine_name=name,
        comment="CSV to PostgreSQL: plan, load in parallel, settle, reconcile, publish, report",
        definition_body=sfn.DefinitionBody.from_chainable(states.start),
        timeout=Duration.hours(settings.migration_hours),
        tracing_enabled=True,
        logs=sfn.LogOptions(
            destination=log_group(scope, "MachineLogs", settings),
            level=sfn.LogLevel.ERROR,
            include_execution_data=False,
        ),
    )
    _acknowledge(machine, functions=(control, load), report=report)
    _acknowledge_executions(machine, name, states.chunk_maps)
    return machine


def _acknowledge(
    machine: sfn.StateMachine, *, functions: tuple[lambda_.Function, ...], report: s3.Bucket
) -> None:
    acknowledge(
        machine,
        "ALL would log every step of every chunk, at CloudWatch's price for ingestion, and tell no more than the "
        "execution's history, which is kept for 90 days at no charge. Errors are logged, without data.",
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
    )
    acknowledge(machine, "CloudWatch's log delivery and X-Ray know no resource.", "IAM5[Resource::*]")


def _acknowledge_executions(machine: sfn.StateMachine, name: str, chunk_maps: tuple[str, ...]) -> None:
    acknowledge(
        machine,
        "An execution's name is not known before it starts. All of these are this machine's own: the run that holds "
        "a lease, and the children of its Distributed Maps.",
        *(f"IAM5[Resource::{arn}]" for arn in _executions(machine, name, chunk_maps)),
    )


def _executions(machine: sfn.StateMachine, name: str, chunk_maps: tuple[str, ...]) -> Iterator[str]:
    """The patterns in the machine's role, as cdk-nag prints them."""
    prefix = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:"
    named_by_cdk = f'{{"Fn::Select":[6,{{"Fn::Split":[":",{{"Ref":"{logical_id(machine)}"}}]}}]}}'
    yield f"{prefix}{name}:*"
    yield f"{prefix}{name.removesuffix('-migration')}-restore:*"
    yield f"{prefix}{named_by_cdk}:*"
    for label in chunk_maps:
        yield f"{prefix}{named_by_cdk}/{label}:*"
