"""The stack: it composes the capabilities and grants them what they need of each other."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct

from dataforge.postgres.roles import LOGINS
from infra.api.api import Api
from infra.api.routes import DELIVER, INGEST, OPERATIONS
from infra.backup.backup import Backup
from infra.foundation.bastion import Bastion
from infra.foundation.database import Database
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.foundation.storage import Storage
from infra.migration.migration import Migration
from infra.monitoring.alarms import Monitoring
from infra.restore.restore import Restore
from infra.services.deliver import Deliver
from infra.services.deployment import Deployment
from infra.services.export import Export
from infra.services.ingest import Ingest
from infra.services.operations import Operations
from infra.services.schema import Schema
from infra.settings import Settings


class DataForge(Stack):
    """One stage of Data Forge. Made for no particular account or region, so that ``cdk synth`` needs no credentials."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(
            scope,
            settings.stack_name,
            description=f"Data Forge ({settings.stage})",
        )
        storage = Storage(
            self, "Storage", keep=settings.production, backup_lock_days=settings.backup_lock_days
        )
        network = Network(self, "Network", existing=settings.existing_database)
        network.open_to_buckets(storage.data)
        network.record_rejected(storage.logs)
        if settings.auth == "secret":
            network.open_to_secrets()
        layers = Layers(self, "Layers", local=settings.local, glue=bool(settings.glue_database))
        deployment = Deployment(self, "Deployment", settings=settings, layers=layers)
        database = Database(
            self, "Database", settings=settings, network=network, deployment=deployment, roles=LOGINS
        )
        if settings.bastion:
            Bastion(self, "Bastion", settings=settings, network=network, database=database)
        schema = Schema(
            self,
            "Schema",
            settings=settings,
            layers=layers,
            network=network,
            database=database,
            storage=storage,
        )
        migration = Migration(
            self,
            "Migration",
            settings=settings,
            layers=layers,
            network=network,
            database=database,
            storage=storage,
        )
        backup = Backup(
            self,
            "Backup",
            settings=settings,
            layers=layers,
            network=network,
            database=database,
            storage=storage,
        )
        restore = Restore(
            self,
            "Restore",
            settings=settings,
            layers=layers,
            network=network,
            database=database,
            storage=storage,
        )
        ingest = Ingest(self, "Ingest", settings=settings, layers=layers, network=network, database=database)
        deliver = Deliver(
            self, "Deliver", settings=settings, layers=layers, network=network, database=database
        )
        export = Export(
            self,
            "Export",
            settings=settings,
            layers=layers,
            network=network,
            database=database,
            storage=storage,
        )
        operations = Operations(self, "Operations", settings=settings, layers=layers, storage=storage)
        functions = {
            INGEST: ingest.function,
            DELIVER: deliver.function,
            OPERATIONS: operations.function,
        }
        api = Api(self, "Api", settings=settings, functions=functions)
        logging_in = [migration.control, migration.load, restore.control, restore.work]
        logging_in += [backup.control, backup.hold, backup.work]
        for function in (*logging_in, ingest.function, deliver.function, deliver.watch, export.work):
            schema.precede(function)
        monitoring = Monitoring(
            self,
            "Monitoring",
            settings=settings,
            database=database,
            schema=schema,
            migration=migration,
            backup=backup,
            restore=restore,
            ingest=ingest,
            deliver=deliver,
            export=export,
            operations=operations,
            api=api,
        )
        if settings.scheduled_backups:
            monitoring.node.add_dependency(deployment.watch_backups(list(settings.scheduled_backups)))
        self._output(storage, schema, api)
        self._output_machines(migration, backup, restore, export, schema)
        self._tag(settings)
        if settings.production:
            deployment.protect(*(child for child in self.node.children if child is not deployment))

    def _output(self, storage: Storage, schema: Schema, api: Api) -> None:
        """What clients are told; the names are a contract."""
        outputs = {
            "RawBucket": storage.raw.bucket_name,
            "BackupBucket": storage.backup.bucket_name,
            "ReportBucket": storage.report.bucket_name,
            "ApiUrl": api.url,
            **{f"{kind.title()}Plan": plan.usage_plan_id for kind, plan in api.plans.items()},
            "SchemaArn": schema.keeper.function_arn,
            "Region": self.region,
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)

    def _output_machines(
        self, migration: Migration, backup: Backup, restore: Restore, export: Export, schema: Schema
    ) -> None:
        """What operators start, and the upkeep, which starts by itself."""
        machines = {
            "Migration": migration.machine,
            "Backup": backup.machine,
            "Restore": restore.machine,
            "Export": export.machine,
            "Upkeep": schema.upkeep.machine,
        }
        for name, machine in machines.items():
            CfnOutput(self, f"{name}Arn", value=machine.state_machine_arn)

    def _tag(self, settings: Settings) -> None:
        for key, value in {"Project": "data-forge", "Stage": settings.stage, **settings.tags}.items():
            Tags.of(self).add(key, value)
