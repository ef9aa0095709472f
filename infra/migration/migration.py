"""Migration: files in the raw bucket become rows in PostgreSQL."""

from __future__ import annotations

from functools import partial

from constructs import Construct

from infra.foundation.database import Database
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.foundation.storage import Storage
from infra.migration.states import migration_states
from infra.settings import Settings
from infra.workflow.run_machine import dead_letter_queue, make_run_machine
from infra.workflow.step_function import step_function


class Migration(Construct):
    """Two functions, the state machine that calls them, and the rule that closes stopped runs."""

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
        self.dead_letters = dead_letter_queue(self)
        create = partial(
            step_function,
            self,
            settings=settings,
            layers=layers,
            network=network,
            environment={
                **database.environment(),
                "RAW_BUCKET": storage.raw.bucket_name,
                "REPORT_BUCKET": storage.report.bucket_name,
                "CHUNK_BYTES": str(settings.chunk_megabytes * 2**20),
                "REJECTION_DAYS": str(settings.rejection_days),
                "REJECTIONS_PER_TABLE": str(settings.rejections_per_table),
                "REJECTED_TEXT_BYTES": str(settings.rejected_text_megabytes * 2**20),
            },
        )
        self.control = create(
            "MigrateControl",
            handler="migrate.control",
            description="One step of a migration at a time",
            more_layers=[layers.pages],
            dead_letters=self.dead_letters,
        )
        self.load = create("MigrateLoad", handler="migrate.load", description="Scans and loads chunks of CSV")
        self.machine = make_run_machine(
            self,
            settings=settings,
            kind="migration",
            comment="CSV to PostgreSQL: plan, load in parallel, resolve, reconcile, publish, report",
            run_id="migration_id",
            excludes=("migration", "restore"),
            work=migration_states,
            control=self.control,
            worker=self.load,
            report=storage.report,
            concurrency=settings.load_concurrency,
            hours=settings.migration_hours,
            dead_letters=self.dead_letters,
            on_stop="A migration ended without success: close it and release its leases",
        )
