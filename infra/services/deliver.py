"""The delivery capability: pages of rows, what tables there are, and how good they are."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from dataforge.aws.metric_names import NAMESPACE
from dataforge.defaults import API_SECONDS
from infra.foundation.database import Database
from infra.foundation.functions import Function
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.settings import Settings

# API Gateway waits no longer; what would take longer is an error that the caller must hear of.
TIMEOUT = Duration.seconds(API_SECONDS)
# PostgreSQL writes the JSON; what is left is to hand it on and, for most callers, to compress it.
MEMORY = 1024
HOUR = Duration.hours(1)


class Deliver(Construct):
    """A function for callers and one for the clock; both log in as a role that may read, and nothing else."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        layers: Layers,
        network: Network,
        database: Database,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Deliver",
            settings=settings,
            handler="deliver.handler",
            description="The HTTP API: pages of rows, tables and their quality",
            layers=[layers.common, layers.deps, layers.pages],
            environment=database.environment(),
            timeout=TIMEOUT,
            memory_size=MEMORY,
            network=network,
        )
        self.watch = Function(
            self,
            "QualityWatch",
            settings=settings,
            handler="deliver.watch",
            description="Every hour: how good the data of the last day is, as metrics",
            layers=[layers.common, layers.deps],
            environment=database.environment(),
            timeout=TIMEOUT,
            memory_size=256,
            network=network,
        )
        events.Rule(
            self,
            "Hourly",
            description="Measures the quality of the data",
            schedule=events.Schedule.rate(HOUR),
            targets=[targets.LambdaFunction(self.watch)],
        )

    def margin(self) -> cloudwatch.Metric:
        """The smallest distance of any score of the last day to its threshold: below 0, a promise is broken."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name="QualityMargin",
            dimensions_map={"service": "deliver"},
            statistic="Minimum",
            period=HOUR,
        )
