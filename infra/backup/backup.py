"""Backup: tables at one instant as Parquet files in the backup bucket, on demand and on a schedule."""

from __future__ import annotations

from functools import partial

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.backup.schedule import schedule_backups
from infra.backup.states import BackupStates
from infra.foundation.database import Database
from infra.foundation.functions import MEDIUM, Function
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.foundation.signing import SigningKeys
from infra.foundation.storage import Storage
from infra.services.glue import GlueTables
from infra.settings import Settings
from infra.workflow.run_machine import dead_letter_queue, make_run_machine
from infra.workflow.run_states import RunStates
from infra.workflow.step_function import step_function

# The exporter only waits, but it loads the same code.
HOLD_MEMORY = MEDIUM


class Backup(Construct):
    """Three functions, the state machine that calls them, its schedules, and the rule that closes stopped runs.

    ``glue`` is the function that registers backups in Glue, if the setting ``glueDatabase`` is present.
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
        keys: SigningKeys,
    ) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self.dead_letters = dead_letter_queue(self)
        create = partial(
            step_function,
            self,
            settings=settings,
            layers=layers,
            network=network,
            environment=database.environment(),
        )
        self.control = create(
            "BackupControl",
            handler="backup.control",
            description="One step of a backup at a time",
            dead_letters=self.dead_letters,
        )
        self.hold = create(
            "BackupHold",
            handler="backup.hold",
            description="Exports a snapshot while files are written",
            memory_size=HOLD_MEMORY,
        )
        self.work = create(
            "BackupWork", handler="backup.work", description="Writes and reads back Parquet files"
        )
        for function in (self.control, self.work):
            self._configure(function, storage)
        self.glue = (
            GlueTables(
                self, "Glue", settings=settings, name=settings.glue_database, layers=layers, storage=storage
            ).function
            if settings.glue_database
            else None
        )
        self.machine = self._machine(storage, keys)
        schedule_backups(self, settings=settings, machine=self.machine, dead_letters=self.dead_letters)

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

    def _machine(self, storage: Storage, keys: SigningKeys) -> sfn.StateMachine:
        def work(run: RunStates) -> sfn.IChainable:
            return BackupStates(run, keys, storage.backup, self.hold, self.work, self.glue).all()

        return make_run_machine(
            self,
            settings=self._settings,
            kind="backup",
            comment="PostgreSQL to Parquet: export a snapshot, write in parallel, manifest, verify, expire",
            run_id="run_id",
            excludes=("backup",),
            work=work,
            control=self.control,
            worker=self.work,
            others=(self.hold, *([self.glue] if self.glue else [])),
            report=storage.report,
            concurrency=self._settings.backup_concurrency,
            hours=self._settings.backup_hours,
            dead_letters=self.dead_letters,
            on_stop="A backup ended without success: close it and release its leases",
        )
