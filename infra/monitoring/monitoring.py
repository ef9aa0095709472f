"""Monitoring: alarms, the topic that receives them, and the dashboard."""

from __future__ import annotations

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.api.api import Api
from infra.backup.backup import Backup
from infra.foundation.database import Database
from infra.migration.migration import Migration
from infra.monitoring.alarms import Alarms
from infra.monitoring.dashboard import add_dashboard
from infra.monitoring.run_alarms import add_backup_alarms, add_lost_event_alarm, add_run_alarms
from infra.monitoring.service_alarms import (
    add_api_alarms,
    add_function_alarms,
    add_key_alarm,
    add_postgres_alarms,
    add_quality_alarm,
)
from infra.restore.restore import Restore
from infra.services.deliver import Deliver
from infra.services.export import Export
from infra.services.ingest import Ingest
from infra.services.operations import Operations
from infra.services.schema import Schema
from infra.settings import Settings


class Monitoring(Construct):
    """Alarms on conditions that need an operator, and one dashboard.

    ``topic`` has no subscriber unless ``alarmEmail`` is set.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        database: Database,
        schema: Schema,
        migration: Migration,
        backup: Backup,
        restore: Restore,
        ingest: Ingest,
        deliver: Deliver,
        export: Export,
        operations: Operations,
        api: Api,
    ) -> None:
        super().__init__(scope, id)
        self.topic = sns.Topic(self, "Alarms", display_name=f"{settings.stack_name} alarms", enforce_ssl=True)
        self._allow_alarms()
        if settings.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        functions = [
            *(schema.deployer, schema.apply, schema.upkeep.work),
            *(migration.control, migration.load),
            *(backup.control, backup.hold, backup.work, *([backup.glue] if backup.glue else [])),
            *(restore.control, restore.work),
            *(
                ingest.function,
                deliver.function,
                deliver.watch,
                deliver.record,
                export.work,
                operations.function,
            ),
        ]
        alarms = Alarms(self, self.topic)
        _add_run_alarms(alarms, migration, backup, restore)
        add_backup_alarms(alarms, settings)
        add_api_alarms(alarms, api, settings)
        add_quality_alarm(alarms, deliver)
        add_key_alarm(alarms, deliver)
        add_function_alarms(alarms, functions)
        if database.instance:
            add_postgres_alarms(alarms, database.instance, settings)
        add_dashboard(
            self,
            settings=settings,
            machine=migration.machine,
            api=api.rest,
            functions=functions,
            instance=database.instance,
        )

    def _allow_alarms(self) -> None:
        """Let this account's alarms publish: the topic's own policy (TLS only) replaces the default one, which did."""
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )


def _add_run_alarms(alarms: Alarms, migration: Migration, backup: Backup, restore: Restore) -> None:
    add_run_alarms(alarms, run="Migration", machine=migration.machine, time_limit="migrationHours")
    add_run_alarms(alarms, run="Backup", machine=backup.machine, time_limit="backupHours")
    add_run_alarms(alarms, run="Restore", machine=restore.machine, time_limit="migrationHours")
    add_lost_event_alarm(
        alarms,
        name="ReleaseLost",
        description="The lease of a stopped migration was not released.",
        queue=migration.dead_letters,
    )
    add_lost_event_alarm(
        alarms,
        name="BackupEventLost",
        description="A scheduled backup was not started, or a stopped one was not closed.",
        queue=backup.dead_letters,
    )
    add_lost_event_alarm(
        alarms,
        name="RestoreReleaseLost",
        description="The lease of a stopped restore was not released.",
        queue=restore.dead_letters,
    )
