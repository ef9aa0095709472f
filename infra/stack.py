"""The stack: create the constructs of one stage, and grant each function what it may do."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct, IConstruct

from dataforge.postgres import roles
from dataforge.s3 import keys
from dataforge.tables.datasets import DATASETS
from dataforge.tables.versions import as_text, module_versions
from infra.api import routes
from infra.api.api import Api
from infra.backup.backup import Backup
from infra.foundation.bastion import Bastion
from infra.foundation.database import Database
from infra.foundation.foundation import Foundation
from infra.foundation.layers import Layers
from infra.foundation.network import Network
from infra.foundation.signing import SigningKeys
from infra.foundation.storage import Retention, Storage
from infra.migration.migration import Migration
from infra.monitoring.monitoring import Monitoring
from infra.restore.restore import Restore
from infra.services.deliver import Deliver
from infra.services.deployment import Deployment
from infra.services.export import Export
from infra.services.ingest import Ingest
from infra.services.operations import Operations
from infra.services.people import People
from infra.services.schema import Schema
from infra.settings import Settings


class DataForge(Stack):
    """One stage of Data Forge, for any account and region, so that ``cdk synth`` needs no credentials."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, settings.stack_name, description=f"Data Forge ({settings.stage})")
        self._settings = settings
        self._create_foundation()
        self._create_capabilities()
        self._allow_connections()
        self._allow_raw_bucket()
        self._allow_backup_bucket()
        self._allow_report_bucket()
        self._allow_operations()
        self._create_api()
        self._create_monitoring()
        self._create_outputs()
        for key, value in {"Project": "data-forge", "Stage": settings.stage, **settings.tags}.items():
            Tags.of(self).add(key, value)
        if settings.production:
            self.deployment.protect(*self._lock_backups(), *self._others())

    def _others(self) -> Iterator[IConstruct]:
        return (child for child in self.node.children if child is not self.deployment)

    def _lock_backups(self) -> Iterator[IConstruct]:
        """Lock the backups of a new stack, and report the Object Lock, unless the setting decides it."""
        if self._settings.backup_lock_days is None:
            lock = self.deployment.lock_backups(self.storage.backup)
            CfnOutput(self, "BackupLock", value=lock.get_att_string("State"))
            yield lock

    def _create_foundation(self) -> None:
        """Create buckets, network, layers and database."""
        settings = self._settings
        self.storage = Storage(
            self,
            "Storage",
            keep=settings.production,
            rejection_days=settings.rejection_days,
            retention=Retention(
                settings.raw_keep_days,
                settings.report_keep_days,
                settings.export_keep_days,
                settings.version_days,
            ),
            backup_lock_days=settings.backup_lock_days,
        )
        self.keys = SigningKeys(self, "Signing", keep=settings.production)
        self.network = Network(self, "Network", existing=settings.existing_database)
        self.network.open_to_buckets(self.storage.data)
        self.network.record_rejected(self.storage.logs)
        if settings.auth == "secret":
            self.network.open_to_secrets()
        self.layers = Layers(self, "Layers", local=settings.local, glue=bool(settings.glue_database))
        self.deployment = Deployment(self, "Deployment", settings=settings, layers=self.layers)
        self.database = Database(
            self,
            "Database",
            settings=settings,
            network=self.network,
            deployment=self.deployment,
            roles=roles.LOGINS,
        )
        if settings.bastion:
            bastion = Bastion(
                self, "Bastion", settings=settings, network=self.network, database=self.database
            )
            self.database.allow_reach(bastion.group, "the bastion")
            self.database.allow_people(bastion.policy, role=roles.ANALYST)

    def _create_capabilities(self) -> None:
        """Create the functions and state machines, which the schema's resource precedes."""
        foundation = Foundation(
            settings=self._settings,
            storage=self.storage,
            keys=self.keys,
            network=self.network,
            layers=self.layers,
            database=self.database,
        )
        self.schema = Schema(self, "Schema", foundation=foundation)
        self.migration = Migration(self, "Migration", foundation=foundation)
        self.backup = Backup(self, "Backup", foundation=foundation)
        self.restore = Restore(self, "Restore", foundation=foundation)
        self.ingest = Ingest(self, "Ingest", foundation=foundation)
        self.deliver = Deliver(self, "Deliver", foundation=foundation)
        self.export = Export(self, "Export", foundation=foundation)
        self.operations = Operations(self, "Operations", foundation=foundation, audit=self.deliver.record)

    def _allow_connections(self) -> None:
        """Let each function log in with its PostgreSQL role, once the schema is up to date."""
        logins = {
            self.migration.control: roles.MIGRATE,
            self.migration.load: roles.LOAD,
            self.backup.control: roles.BACKUP,
            self.backup.hold: roles.BACKUP,
            self.backup.work: roles.BACKUP,
            self.restore.control: roles.RESTORE,
            self.restore.work: roles.REFILL,
            self.ingest.function: roles.INGEST,
            self.deliver.function: roles.DELIVER,
            self.deliver.watch: roles.DELIVER,
            self.deliver.record: roles.DELIVER,
            self.export.work: roles.EXPORT,
        }
        for function, role in logins.items():
            self.database.allow_connect(function, role=role)
            self.schema.precede(function)
        self.schema.withdraw_after(*logins)
        self.database.allow_read_secrets(self.schema.deployer)

    def _allow_raw_bucket(self) -> None:
        """Uploaded files: read by migrations, written by no function.

        A rejected record that the database does not store is read in the version of its file, by listings and replays.
        """
        self.storage.raw.allow_read(self.migration.control)
        self.storage.raw.allow_read(self.migration.load)
        self.storage.raw.allow_get_versions(self.migration.control)
        self.storage.raw.allow_get_versions(self.ingest.function)

    def _allow_backup_bucket(self) -> None:
        """Backups: written by backup and restore (safety backups), deleted by backup's retention only.

        Workers write files, controls the documents about them, and only the backup's those about verifications.
        """
        bucket, datasets = self.storage.backup, [keys.dataset_folder(name) for name in DATASETS]
        for function in (self.backup.control, self.backup.work, self.restore.control, self.restore.work):
            bucket.allow_read(function)
        for function in (self.backup.work, self.restore.work):
            bucket.allow_write(function, *(f"{folder}{keys.EVERY_PART}" for folder in datasets))
        for function in (self.backup.control, self.restore.control):
            for pattern in (keys.EVERY_MANIFEST, keys.EVERY_SIGNATURE):
                bucket.allow_put(function, *(folder + pattern for folder in datasets))
        bucket.allow_put(self.backup.control, *(folder + keys.EVERY_VERIFICATION for folder in datasets))
        bucket.allow_delete(self.backup.control, *datasets)
        bucket.require_absence(keys.EVERY_MANIFEST, keys.EVERY_SIGNATURE)
        # Functions of an earlier version do not state it.
        assert bucket.policy is not None
        bucket.policy.node.add_dependency(self.backup.control, self.restore.control)
        bucket.allow_read(self.export.work, keys.EVERY_MANIFEST, keys.EVERY_PARQUET_FILE)
        # A presigned URL reads with the permissions of the function that signed it.
        bucket.allow_read(
            self.operations.function,
            keys.EVERY_MANIFEST,
            keys.EVERY_SIGNATURE,
            keys.EVERY_VERIFICATION,
            keys.EVERY_PARQUET_FILE,
        )
        bucket.allow_read_versions(self.operations.function, keys.EVERY_PARQUET_FILE)
        self.keys.allow_verify(self.operations.function)
        if self.backup.glue:
            bucket.allow_read(self.backup.glue, keys.EVERY_MANIFEST)

    def _allow_report_bucket(self) -> None:
        """Reports, lists of work items, results of Distributed Maps, exports, claims of operations and limits of keys.

        CDK grants a state machine the objects that its Distributed Maps read and write.
        """
        bucket = self.storage.report
        for control in (self.migration.control, self.backup.control, self.restore.control):
            bucket.allow_read(control, f"{keys.FAILURES}*")
            bucket.allow_write(control, keys.RUNS)
        bucket.allow_write(self.migration.control, keys.PROGRESS)
        bucket.allow_write(self.migration.load, keys.PROGRESS)
        bucket.allow_write(self.export.work, keys.EXPORTS)
        bucket.allow_read(self.export.work, f"{keys.EXPORTS}*/{keys.EXPORT_PROGRESS}")
        for function in (self.ingest.function, self.migration.control, self.migration.load):
            bucket.allow_write(function, keys.REJECTED)
        for function in (self.ingest.function, self.migration.control):
            bucket.allow_get(function, f"{keys.REJECTED}*")
        bucket.allow_read(
            self.operations.function, f"{keys.CLAIMS}*", f"{keys.EXPORTS}*", f"{keys.KEY_LIMITS}*"
        )
        bucket.allow_write(self.operations.function, keys.CLAIMS)
        bucket.allow_write(self.schema.deployer, keys.KEY_LIMITS)
        bucket.allow_delete(self.schema.deployer, keys.KEY_LIMITS)

    def _allow_operations(self) -> None:
        """Runs that the API starts: restores only with the setting ``restoreApi``."""
        self.operations.allow_start("backup", "export", *(["restore"] if self._settings.restore_api else []))

    def _create_api(self) -> None:
        functions = {
            routes.INGEST: self.ingest.function,
            routes.DELIVER: self.deliver.function,
            routes.OPERATIONS: self.operations.function,
        }
        self.api = Api(self, "Api", settings=self._settings, functions=functions)
        self.people = People(
            self,
            "People",
            settings=self._settings,
            storage=self.storage,
            signing=self.keys,
            schema=self.schema.deployer,
            plans=list(self.api.plans.values()),
        )

    def _create_monitoring(self) -> None:
        monitoring = Monitoring(
            self,
            "Monitoring",
            settings=self._settings,
            database=self.database,
            schema=self.schema,
            migration=self.migration,
            backup=self.backup,
            restore=self.restore,
            ingest=self.ingest,
            deliver=self.deliver,
            export=self.export,
            operations=self.operations,
            api=self.api,
        )
        if self._settings.scheduled_backups:
            watch = self.deployment.watch_backups(list(self._settings.scheduled_backups))
            monitoring.node.add_dependency(watch)

    def _create_outputs(self) -> None:
        """Create the outputs, whose names clients rely on."""
        machines = {
            "Migration": self.migration.machine,
            "Backup": self.backup.machine,
            "Restore": self.restore.machine,
            "Export": self.export.machine,
            "Upkeep": self.schema.upkeep.machine,
        }
        outputs = {
            "RawBucket": self.storage.raw.bucket_name,
            "BackupBucket": self.storage.backup.bucket_name,
            "ReportBucket": self.storage.report.bucket_name,
            "ApiUrl": self.api.url,
            **{f"{kind.title()}Plan": plan.usage_plan_id for kind, plan in self.api.plans.items()},
            "SchemaArn": self.schema.deployer.function_arn,
            "ManifestKey": self.keys.manifests.key_arn,
            "VerificationKey": self.keys.verifications.key_arn,
            "Datasets": as_text(module_versions()),
            "Region": self.region,
            **{f"{name}Arn": machine.state_machine_arn for name, machine in machines.items()},
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
