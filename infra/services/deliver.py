"""The delivery capability: tables, pages of rows, and quality, over HTTP."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from dataforge.aws.metric_names import KEYS_ENDING, NAMESPACE
from dataforge.defaults import API_SECONDS
from infra.foundation.foundation import Foundation
from infra.foundation.functions import LARGE, SMALL, Function

# The limit of API Gateway.
TIMEOUT = Duration.seconds(API_SECONDS)
# PostgreSQL creates the JSON. The function only compresses and returns it.
MEMORY = LARGE
HOUR = Duration.hours(1)


class Deliver(Construct):
    """Functions for requests, for hourly metrics and for entries of the audit.

    Their role has read permissions only, and may append to the audit.
    """

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Deliver",
            settings=foundation.settings,
            handler="deliver.handler",
            description="HTTP API: tables, pages of rows, and quality",
            layers=[foundation.layers.common, foundation.layers.deps, foundation.layers.pages],
            environment=foundation.database.environment(),
            timeout=TIMEOUT,
            memory_size=MEMORY,
            network=foundation.network,
        )
        self.watch = Function(
            self,
            "QualityWatch",
            settings=foundation.settings,
            handler="deliver.watch",
            description="Measures the quality of the last day's data every hour",
            layers=[foundation.layers.common, foundation.layers.deps],
            environment={
                **foundation.database.environment(),
                "ALARM_DAYS": str(foundation.settings.key_alarm_days),
            },
            timeout=TIMEOUT,
            memory_size=SMALL,
            network=foundation.network,
        )
        self.record = Function(
            self,
            "AuditRecord",
            settings=foundation.settings,
            handler="deliver.record",
            description="Records requests of the operations function in the audit",
            layers=[foundation.layers.common, foundation.layers.deps],
            environment=foundation.database.environment(),
            timeout=TIMEOUT,
            memory_size=SMALL,
            network=foundation.network,
        )
        events.Rule(
            self,
            "Hourly",
            description="Measures the quality of the data",
            schedule=events.Schedule.rate(HOUR),
            targets=[targets.LambdaFunction(self.watch)],
        )

    def keys_ending(self) -> cloudwatch.Metric:
        """The number of API keys whose last day is near."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=KEYS_ENDING,
            dimensions_map={"service": "deliver"},
            statistic="Maximum",
            period=HOUR,
        )

    def margin(self) -> cloudwatch.Metric:
        """The smallest difference of a score of the last day and its threshold; negative if a score is below it."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name="QualityMargin",
            dimensions_map={"service": "deliver"},
            statistic="Minimum",
            period=HOUR,
        )
