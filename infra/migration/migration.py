"""The migration capability: CSVs in the raw bucket become rows in PostgreSQL."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from dataforge.defaults import FUNCTION_SECONDS, WHOLE_PROCESSOR_MEGABYTES
from infra.foundation.database import Database
from infra.foundation.functions import Function
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.foundation.storage import Storage
from infra.migration.machine import make_migration_machine
from infra.settings import Settings
from infra.workflow.machine import dead_letter_queue, release_when_stopped

# The whole of what Lambda gives one step, and the memory at which it gives a whole processor.
TIMEOUT = Duration.seconds(FUNCTION_SECONDS)
MEMORY = WHOLE_PROCESSOR_MEGABYTES


class Migration(Construct):
    """Two functions, the state machine that calls them, and the rule that frees the tables of a run stopped from outside."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        layers: Layers,
        network: Network,
        database: Database,
        storage: Storage,
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._layers, self._network = settings, layers, network
        self._environment = {
            **database.environment(),
            "RAW_BUCKET": storage.raw.bucket_name,
            "REPORT_BUCKET": storage.report.bucket_name,
            "CHUNK_BYTES": str(settings.chunk_megabytes * 2**20),
        }
        self.dead_letters = dead_letter_queue(self)
        self.control = self._function(
            "MigrateControl", "migrate.control", "One step of a migration at a time", layers.pages
        )
        self.load = self._function("MigrateLoad", "migrate.load", "Scans and loads chunks of CSV")
        self.machine = make_migration_machine(
            self, settings=settings, control=self.control, load=self.load, report=storage.report
        )
        release_when_stopped(
            self,
            machine=self.machine,
            control=self.control,
            dead_letters=self.dead_letters,
            description="A migration ended without success: release the tables it holds",
        )

    def _function(self, id: str, handler: str, description: str, *layers: lambda_.ILayerVersion) -> Function:
        return Function(
            self,
            id,
            settings=self._settings,
            handler=handler,
            description=description,
            layers=[self._layers.common, self._layers.deps, self._layers.bulk, *layers],
            environment=self._environment,
            timeout=TIMEOUT,
            memory_size=MEMORY,
            network=self._network,
            # Only EventBridge calls asynchronously, and only this function; a queue is what would hold a lost release.
            dead_letter_queue=self.dead_letters if id == "MigrateControl" else None,
        )
