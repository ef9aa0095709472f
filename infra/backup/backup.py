"""The backup capability: tables of one instant become Parquet files in the backup bucket, on demand and on a schedule."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from dataforge.defaults import FUNCTION_SECONDS, WHOLE_PROCESSOR_MEGABYTES
from infra.backup.schedule import schedule_backups
from infra.backup.states import BackupStates
from infra.foundation.database import Database
from infra.foundation.functions import Function
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.foundation.storage import Storage
from infra.services.glue import GlueTables
from infra.settings import Settings
from infra.workflow.machine import dead_letter_queue, machine_name, make_machine, release_when_stopped

# The whole of what Lambda gives one step, and the memory at which it gives a whole processor.
TIMEOUT = Duration.seconds(FUNCTION_SECONDS)
MEMORY = WHOLE_PROCESSOR_MEGABYTES
# A holder only waits, but it loads the same code.
HOLD_MEMORY = 512


class Backup(Construct):
    """The functions, the state machine that calls them, its schedules, and the rule that closes a run that was stopped.

    ``glue`` is the function that registers backups in Glue, if the context asks for it.
    """

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
        self._environment = database.environment()
        self.dead_letters = dead_letter_queue(self)
        self.control = self._function("BackupControl", "backup.control", "One step of a backup at a time")
        self.hold = self._function("BackupHold", "backup.hold", "Keeps a snapshot while files are written")
        self.work = self._function("BackupWork", "backup.work", "Writes and reads back Parquet files")
        for function in (self.control, self.work):
            self._configure(function, storage)
        self.glue = (
            GlueTables(
                self, "Glue", settings=settings, name=settings.glue_database, layers=layers, storage=storage
            ).function
            if settings.glue_database
            else None
        )
        self.machine = self._machine(storage)
        release_when_stopped(
            self,
            machine=self.machine,
            control=self.control,
            dead_letters=self.dead_letters,
            description="A backup ended without success: close it, and let others have its tables",
        )
        schedule_backups(self, settings=settings, machine=self.machine, dead_letters=self.dead_letters)

    def _function(self, id: str, handler: str, description: str) -> Function:
        holds = id == "BackupHold"
        layers: list[lambda_.ILayerVersion] = [self._layers.common, self._layers.deps, self._layers.bulk]
        return Function(
            self,
            id,
            settings=self._settings,
            handler=handler,
            description=description,
            layers=layers,
            environment=self._environment,
            timeout=TIMEOUT,
            memory_size=HOLD_MEMORY if holds else MEMORY,
            network=self._network,
            # Only EventBridge calls asynchronously, and only this function; a queue is what would hold a lost release.
            dead_letter_queue=self.dead_letters if id == "BackupControl" else None,
        )

    def _configure(self, function: Function, storage: Storage) -> None:
        """Set the buckets, sizes and retention that ``control`` and ``work`` read from the environment."""
        settings = self._settings
        for name, value in {
            "BACKUP_BUCKET": storage.backup.bucket_name,
            "REPORT_BUCKET": storage.report.bucket_name,
            "PART_BYTES": settings.backup_part_megabytes * 2**20,
            "SCRATCH_BYTES": settings.verify_restore_megabytes * 2**20,
            "KEEP_COUNT": settings.backup_keep_count,
            "KEEP_DAYS": settings.backup_keep_days,
            "SAFETY_DAYS": settings.safety_keep_days,
        }.items():
            function.add_environment(name, str(value))

    def _machine(self, storage: Storage) -> sfn.StateMachine:
        holders = [machine_name(self._settings, "backup")]
        states = BackupStates(
            self,
            "States",
            control=self.control,
            hold=self.hold,
            work=self.work,
            register=self.glue,
            report=storage.report,
            concurrency=self._settings.backup_concurrency,
            holders=holders,
        )
        return make_machine(
            self,
            settings=self._settings,
            kind="backup",
            comment="PostgreSQL to Parquet: hold a snapshot, write in parallel, manifest, verify, tidy up",
            start=states.start,
            timeout=Duration.hours(self._settings.backup_hours),
            functions=[self.control, self.hold, self.work, *([self.glue] if self.glue else [])],
            holders=holders,
            report=storage.report,
            labels=states.maps,
        )
