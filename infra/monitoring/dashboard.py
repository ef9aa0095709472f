"""The dashboard: runs, API, functions and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.api.metrics import accepted, batch_latency, rejected, rejected_by_code
from infra.settings import Settings


def add_dashboard(
    scope: Construct,
    *,
    settings: Settings,
    machine: sfn.StateMachine,
    api: apigateway.RestApi,
    functions: Sequence[lambda_.Function],
    instance: rds.DatabaseInstance | None,
) -> None:
    """Add the dashboard. An existing database is not shown: its owner monitors it."""
    dashboard = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=settings.stack_name)
    dashboard.add_widgets(
        _graph(
            "Migrations", [machine.metric_succeeded(), machine.metric_failed(), machine.metric_timed_out()]
        ),
        _graph("Migration duration", [machine.metric_time(statistic="Maximum")]),
    )
    dashboard.add_widgets(
        _graph("API requests", [api.metric_count(), api.metric_client_error(), api.metric_server_error()]),
        _graph(
            "API latency, ms",
            [*(api.metric_latency(statistic=s) for s in ("p50", "p99")), batch_latency("p99")],
        ),
        _graph("Records", [accepted(), rejected()]),
        _graph("Rejected records by code", [rejected_by_code()]),
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
