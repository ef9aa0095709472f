"""The ingest capability: batches of records over HTTP become rows or rejections, one transaction each."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from dataforge.defaults import API_SECONDS, WHOLE_PROCESSOR_MEGABYTES
from infra.foundation.database import Database
from infra.foundation.functions import Function
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.settings import Settings

# API Gateway waits no longer; what would take longer is an error that the caller must hear of.
TIMEOUT = Duration.seconds(API_SECONDS)
# Where Lambda gives a whole processor: a batch is mostly computing, so less memory would cost as much and take longer.
MEMORY = WHOLE_PROCESSOR_MEGABYTES
# What the documentation page loads; npm brings it, and functions/ingest/docs_page serves it.
PAGE = ("swagger-ui.css", "swagger-ui-bundle.js", "LICENSE")


class Ingest(Construct):
    """One function, which logs in as a role that may add and change rows, and nothing else."""

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
            "Ingest",
            settings=settings,
            handler="ingest.handler",
            description="The HTTP API: batches in, rejections and documentation out",
            layers=[layers.common, layers.deps, layers.pages],
            environment=database.environment(),
            timeout=TIMEOUT,
            memory_size=MEMORY,
            network=network,
            files=[f"node_modules/swagger-ui-dist/{name}" for name in PAGE],
        )
