"""Alarms and the topic that they go to."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from dataforge.postgres.connection_budget import connections_of
from dataforge.s3.keys import VERIFICATION
from dataforge.tables.datasets import DATASETS
from infra.api.api import Api
from infra.api.metrics import rejected_percent
from infra.backup.backup import Backup
from infra.backup.metrics import damaged, verified
from infra.foundation.database import Database
from infra.foundation.functions import Function
from infra.migration.migration import Migration
from infra.monitoring.dashboard import add_dashboard
from infra.restore.restore import Restore
from infra.services.deliver import Deliver
from infra.services.export import Export
from infra.services.ingest import Ingest
from infra.services.operations import Operations
from infra.services.schema import Schema
from infra.settings import Settings

FIVE_MINUTES = Duration.minutes(5)
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


class Monitoring(Construct):
    """Alarms on what somebody must act upon, and one dashboard for the rest.

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
        self._let_alarms_publish()
        if settings.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
        functions = [schema.keeper, schema.apply, schema.upkeep.work, migration.control, migration.load]
        functions += [backup.control, backup.hold, backup.work, *([backup.glue] if backup.glue else [])]
        functions += [
            restore.control,
            restore.work,
            ingest.function,
            deliver.function,
            deliver.watch,
            export.work,
            operations.function,
        ]
        self._watch_migrations(migration)
        self._watch_backups(backup, settings)
        self._watch_restores(restore)
        self._watch_api(api, settings)
        self._watch_quality(deliver)
        self._watch_functions(functions)
        if database.instance:
            self._watch_postgres(database.instance, settings)
        add_dashboard(
            self,
            settings=settings,
            machine=migration.machine,
            api=api.rest,
            functions=functions,
            instance=database.instance,
        )

    def _let_alarms_publish(self) -> None:
        """A topic with a policy of its own (here: TLS only) loses the default one, which let the account's alarms in."""
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )

    def _watch_migrations(self, migration: Migration) -> None:
        machine = migration.machine
        self._alarm(
            "MigrationFailed", "A migration failed; its execution has the cause", machine.metric_failed(), 1
        )
        self._alarm(
            "MigrationTimedOut", "A migration ran longer than migrationHours", machine.metric_timed_out(), 1
        )
        self._alarm(
            "ReleaseLost",
            "The event that frees a stopped run's tables could not be handled; the queue holds it",
            migration.dead_letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES),
            1,
        )

    def _watch_backups(self, backup: Backup, settings: Settings) -> None:
        machine, letters = backup.machine, backup.dead_letters
        self._alarm(
            "BackupFailed", "A backup failed; its execution has the cause", machine.metric_failed(), 1
        )
        self._alarm("BackupTimedOut", "A backup ran longer than backupHours", machine.metric_timed_out(), 1)
        self._alarm(
            "BackupEventLost",
            "A scheduled backup could not be started, or a stopped one not be closed; the queue holds the event",
            letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES),
            1,
        )
        for dataset in DATASETS:
            self._alarm(
                f"BackupDamaged{dataset.title()}",
                f"A backup of {dataset} is not what was written; {VERIFICATION} beside its manifest names the files",
                damaged(dataset, FIVE_MINUTES),
                1,
            )
        for dataset in settings.scheduled_backups:
            # Nothing is counted while nothing is verified, so missing data is what the alarm is about.
            self._alarm(
                f"BackupStale{dataset.title()}",
                f"No backup of {dataset} was verified within backupAlarmHours",
                verified(dataset, Duration.hours(1)),
                1,
                comparison=BELOW,
                periods=settings.backup_alarm_hours,
                missing=cloudwatch.TreatMissingData.BREACHING,
            )

    def _watch_restores(self, restore: Restore) -> None:
        machine = restore.machine
        self._alarm(
            "RestoreFailed", "A restore failed; its execution has the cause", machine.metric_failed(), 1
        )
        self._alarm(
            "RestoreTimedOut",
            "A restore ran longer than migrationHours; what it replaced may still have to be finished",
            machine.metric_timed_out(),
            1,
        )
        self._alarm(
            "RestoreReleaseLost",
            "The event that frees a stopped restore's tables could not be handled; the queue holds it",
            restore.dead_letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES),
            1,
        )

    def _watch_api(self, api: Api, settings: Settings) -> None:
        self._alarm(
            "ApiFails",
            "Callers get 5xx again and again; the access log says for what, the function's log why",
            api.rest.metric_server_error(period=FIVE_MINUTES),
            5,
        )
        self._alarm(
            "ApiRejects",
            "A caller sends records that are no rows; GET /v1/rejections has them, with their errors",
            rejected_percent(FIVE_MINUTES),
            settings.rejection_alarm_percent,
        )

    def _watch_quality(self, deliver: Deliver) -> None:
        self._alarm(
            "QualityBelowThreshold",
            "More of the last day was rejected than the threshold allows; GET /v1/quality says by what rule",
            deliver.margin(),
            0,
            comparison=BELOW,
        )

    def _watch_functions(self, functions: Sequence[Function]) -> None:
        for function in functions:
            # One error alone is mostly one that Step Functions tried again, or a refusal that the caller was told.
            self._alarm(
                f"{function.node.id}Errors",
                f"{function.node.id} fails again and again; its log has the reason",
                function.metric_errors(period=FIVE_MINUTES),
                5,
            )

    def _watch_postgres(self, instance: rds.DatabaseInstance, settings: Settings) -> None:
        self._alarm(
            "PostgresCpu",
            "The database has been busy for half an hour: more than a migration's peak",
            instance.metric_cpu_utilization(period=FIVE_MINUTES),
            90,
            periods=6,
        )
        # Storage grows by itself when a tenth is left; less than that means that it may not, or cannot fast enough.
        self._alarm(
            "PostgresStorage",
            "The disk is nearly full and no longer grows; raise maxStorageGigabytes",
            instance.metric_free_storage_space(period=FIVE_MINUTES),
            settings.storage_gigabytes * 2**30 // 20,
            comparison=BELOW,
        )
        self._alarm(
            "PostgresConnections",
            "Nearly all connections that the logins may have together are in use: API, runs and exports",
            instance.metric_database_connections(period=FIVE_MINUTES, statistic="Maximum"),
            _busy(settings),
            periods=2,
        )

    def _alarm(
        self,
        name: str,
        description: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        *,
        comparison: cloudwatch.ComparisonOperator = AT_LEAST,
        periods: int = 1,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))


def _busy(settings: Settings) -> int:
    """Nine tenths of the connections that the logins are limited to together, on an instance of this class."""
    known = connections_of(settings.instance_class)
    return sum(settings.budget.limits(known, settings.instance_class).values()) * 9 // 10
