"""The restore capability: tables of a backup back into PostgreSQL."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from dataforge.defaults import FUNCTION_SECONDS, WHOLE_PROCESSOR_MEGABYTES
from infra.foundation.database import Database
from infra.foundation.functions import Function
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.foundation.storage import Storage
from infra.restore.states import RestoreStates
from infra.settings import Settings
from infra.workflow.machine import dead_letter_queue, machine_name, make_machine, release_when_stopped

# The whole of what Lambda gives one step, and the memory at which it gives a whole processor.
TIMEOUT = Duration.seconds(FUNCTION_SECONDS)
MEMORY = WHOLE_PROCESSOR_MEGABYTES


class Restore(Construct):
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
            "BACKUP_BUCKET": storage.backup.bucket_name,
            "REPORT_BUCKET": storage.report.bucket_name,
        }
        self.dead_letters = dead_letter_queue(self)
        self.control = self._function("RestoreControl", "restore.control", "One step of a restore at a time")
        self.work = self._function(
            "RestoreWork", "restore.work", "Loads backups' files, writes safety copies"
        )
        self.machine = self._machine(storage.report)
        release_when_stopped(
            self,
            machine=self.machine,
            control=self.control,
            dead_letters=self.dead_letters,
            description="A restore ended without success: release the tables it holds",
        )

    def _function(self, id: str, handler: str, description: str) -> Function:
        return Function(
            self,
            id,
            settings=self._settings,
            handler=handler,
            description=description,
            layers=[self._layers.common, self._layers.deps, self._layers.bulk],
            environment=self._environment,
            timeout=TIMEOUT,
            memory_size=MEMORY,
            network=self._network,
            # Only EventBridge calls asynchronously, and only this function; a queue is what would hold a lost release.
            dead_letter_queue=self.dead_letters if id == "RestoreControl" else None,
        )

    def _machine(self, report: s3.Bucket) -> sfn.StateMachine:
        holders = [machine_name(self._settings, kind) for kind in ("migration", "restore")]
        states = RestoreStates(
            self,
            "States",
            control=self.control,
            work=self.work,
            report=report,
            concurrency=self._settings.load_concurrency,
            holders=holders,
        )
        return make_machine(
            self,
            settings=self._settings,
            kind="restore",
            comment="Parquet to PostgreSQL: check, load in parallel, compare, switch, keep what was replaced",
            start=states.start,
            timeout=Duration.hours(self._settings.migration_hours),
            functions=(self.control, self.work),
            holders=holders,
            report=report,
            labels=states.piece_maps,
        )
