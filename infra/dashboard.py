"""One dashboard: is anything running, does anything fail, has the database room."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.settings import Settings


def add_dashboard(
    scope: Construct,
    *,
    settings: Settings,
    machine: sfn.StateMachine,
    functions: Sequence[lambda_.Function],
    instance: rds.DatabaseInstance | None,
) -> None:
    """Runs above, functions below them, PostgreSQL last; an existing database is watched where its owner watches it."""
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=settings.stack_name)
    dashboard.add_widgets(
        _graph(
            "Migrations", [machine.metric_succeeded(), machine.metric_failed(), machine.metric_timed_out()]
        ),
        _graph("Time a migration takes", [machine.metric_time(statistic="Maximum")]),
    )
    dashboard.add_widgets(
        _graph("Function errors", [function.metric_errors() for function in functions]),
        _graph(
            "Longest invocation", [function.metric_duration(statistic="Maximum") for function in functions]
        ),
        _graph("Throttles", [function.metric_throttles() for function in functions]),
    )
    if instance:
        dashboard.add_widgets(
            _graph("PostgreSQL CPU, %", [instance.metric_cpu_utilization()]),
            _graph(
                "PostgreSQL free storage, bytes", [instance.metric_free_storage_space(statistic="Minimum")]
            ),
            _graph("PostgreSQL connections", [instance.metric_database_connections(statistic="Maximum")]),
        )


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6)
