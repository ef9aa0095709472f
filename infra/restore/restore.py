"""Restore: tables of a backup in PostgreSQL again."""

from __future__ import annotations

from functools import partial

from constructs import Construct

from infra.foundation.foundation import Foundation
from infra.restore.states import restore_states
from infra.workflow.run_machine import dead_letter_queue, make_run_machine
from infra.workflow.step_function import step_function


class Restore(Construct):
    """Two functions, the state machine that calls them, and the rule that closes stopped runs."""

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id)
        self.dead_letters = dead_letter_queue(self)
        create = partial(
            step_function,
            self,
            foundation=foundation,
            environment={
                **foundation.database.environment(),
                "BACKUP_BUCKET": foundation.storage.backup.bucket_name,
                "REPORT_BUCKET": foundation.storage.report.bucket_name,
            },
        )
        self.control = create(
            "RestoreControl",
            handler="restore.control",
            description="One step of a restore at a time",
            dead_letters=self.dead_letters,
        )
        self.work = create(
            "RestoreWork", handler="restore.work", description="Loads files of backups, writes safety backups"
        )
        self.machine = make_run_machine(
            self,
            settings=foundation.settings,
            kind="restore",
            comment="Parquet to PostgreSQL: check, load in parallel, compare, swap, write the safety backup",
            run_id="restore_id",
            excludes=("migration", "restore"),
            work=partial(restore_states, keys=foundation.keys, bucket=foundation.storage.backup),
            control=self.control,
            worker=self.work,
            report=foundation.storage.report,
            concurrency=foundation.settings.load_concurrency,
            hours=foundation.settings.migration_hours,
            dead_letters=self.dead_letters,
            on_stop="A restore ended without success: close it and release its leases",
        )
