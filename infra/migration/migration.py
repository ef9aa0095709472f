"""Migration: files in the raw bucket become rows in PostgreSQL."""

from __future__ import annotations

from functools import partial

from constructs import Construct

from infra.foundation.foundation import Foundation
from infra.migration.states import migration_states
from infra.workflow.run_machine import dead_letter_queue, make_run_machine
from infra.workflow.step_function import step_function

_EARLY = 2
"""Processes that load, which start with a run. A small run has no more work for others."""


class Migration(Construct):
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
                "RAW_BUCKET": foundation.storage.raw.bucket_name,
                "REPORT_BUCKET": foundation.storage.report.bucket_name,
                "CHUNK_BYTES": str(foundation.settings.chunk_megabytes * 2**20),
                "REJECTION_DAYS": str(foundation.settings.rejection_days),
                "REJECTIONS_PER_TABLE": str(foundation.settings.rejections_per_table),
                "REJECTED_TEXT_BYTES": str(foundation.settings.rejected_text_megabytes * 2**20),
            },
        )
        self.control = create(
            "MigrateControl",
            handler="migrate.control",
            description="One step of a migration at a time",
            more_layers=[foundation.layers.pages],
            dead_letters=self.dead_letters,
        )
        self.load = create("MigrateLoad", handler="migrate.load", description="Scans and loads chunks of CSV")
        self.machine = make_run_machine(
            self,
            settings=foundation.settings,
            kind="migration",
            comment="CSV to PostgreSQL: plan, load in parallel, resolve, reconcile, publish, report",
            run_id="migration_id",
            excludes=("migration", "restore"),
            work=migration_states,
            control=self.control,
            worker=self.load,
            report=foundation.storage.report,
            concurrency=foundation.settings.load_concurrency,
            hours=foundation.settings.migration_hours,
            dead_letters=self.dead_letters,
            early=min(_EARLY, foundation.settings.load_concurrency),
            on_stop="A migration ended without success: close it and release its leases",
        )
