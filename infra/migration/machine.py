"""The migration's state machine as a resource."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.migration.states import MigrationStates
from infra.settings import Settings
from infra.workflow.machine import machine_name, make_machine


def make_migration_machine(
    scope: Construct,
    *,
    settings: Settings,
    control: lambda_.Function,
    load: lambda_.Function,
    report: s3.Bucket,
) -> sfn.StateMachine:
    """The state machine; its holders are the machines that write to tables."""
    holders = [machine_name(settings, kind) for kind in ("migration", "restore")]
    states = MigrationStates(
        scope,
        "States",
        control=control,
        load=load,
        report=report,
        concurrency=settings.load_concurrency,
        holders=holders,
    )
    return make_machine(
        scope,
        settings=settings,
        kind="migration",
        comment="CSV to PostgreSQL: plan, load in parallel, settle, reconcile, publish, report",
        start=states.start,
        timeout=Duration.hours(settings.migration_hours),
        functions=(control, load),
        holders=holders,
        report=report,
        labels=states.chunk_maps,
    )
