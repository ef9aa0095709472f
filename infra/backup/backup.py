"""Backup: tables at one instant as Parquet files in the backup bucket, on demand and on a schedule."""

from __future__ import annotations

from functools import partial

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.backup.schedule import schedule_backups
from infra.backup.states import BackupStates
from infra.foundation.foundation import Foundation
from infra.foundation.functions import MEDIUM, Function
from infra.services.glue import GlueTables
from infra.workflow.run_machine import dead_letter_queue, make_run_machine
from infra.workflow.run_states import RunStates
from infra.workflow.step_function import step_function

# The exporter only waits, but it loads the same code.
HOLD_MEMORY = MEDIUM


class Backup(Construct):
    """Three functions, the state machine that calls them, its schedules, and the rule that closes stopped runs.

    ``glue`` is the function that registers backups in Glue, if the setting ``glueDatabase`` is present.
    """

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id)
        self._foundation = foundation
        self.dead_letters = dead_letter_queue(self)
        create = partial(
            step_function,
            self,
            foundation=foundation,
            environment=foundation.database.environment(),
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
            self._configure(function)
        self.glue = (
            GlueTables(self, "Glue", foundation=foundation, name=foundation.settings.glue_database).function
            if foundation.settings.glue_database
            else None
        )
        self.machine = self._machine()
        schedule_backups(
            self, settings=foundation.settings, machine=self.machine, dead_letters=self.dead_letters
        )

    def _configure(self, function: Function) -> None:
        """Set the buckets, sizes and retention that ``control`` and ``work`` read from the environment."""
        settings, storage = self._foundation.settings, self._foundation.storage
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

    def _machine(self) -> sfn.StateMachine:
        settings, storage, keys = self._foundation.settings, self._foundation.storage, self._foundation.keys

        def work(run: RunStates) -> sfn.IChainable:
            return BackupStates(run, keys, storage.backup, self.hold, self.work, self.glue).all()

        return make_run_machine(
            self,
            settings=settings,
            kind="backup",
            comment="PostgreSQL to Parquet: export a snapshot, write in parallel, manifest, verify, expire",
            run_id="run_id",
            excludes=("backup",),
            work=work,
            control=self.control,
            worker=self.work,
            others=(self.hold, *([self.glue] if self.glue else [])),
            report=storage.report,
            concurrency=settings.backup_concurrency,
            hours=settings.backup_hours,
            dead_letters=self.dead_letters,
            on_stop="A backup ended without success: close it and release its leases",
        )
