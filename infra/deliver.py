"""The delivery capability: pages of rows, what tables there are, and how good they are."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from dataforge.roles import DELIVER
from infra.database import Database
from infra.functions import Function
from infra.layers import Layers
from infra.network import Network
from infra.settings import Settings

# API Gateway waits no longer; what would take longer is an error that the caller must hear of.
TIMEOUT = Duration.seconds(29)
# PostgreSQL writes the JSON; what is left is to hand it on and, for most callers, to compress it.
MEMORY = 1024


class Deliver(Construct):
    """One function, which logs in as a role that may read, and nothing else."""

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
            layers=[layers.common, layers.deps],
            environment=database.environment(),
            timeout=TIMEOUT,
            memory_size=MEMORY,
            network=network,
        )
        database.open_to(self.function, role=DELIVER)
