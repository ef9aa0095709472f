"""Alarms on runs: failed, timed out, not closed after a stop, and backups that are damaged or overdue."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn

from dataforge.s3.keys import VERIFICATION
from infra.backup.metrics import damaged, verified
from infra.monitoring.alarms import BELOW, FIVE_MINUTES, Alarms
from infra.settings import Settings


def add_run_alarms(alarms: Alarms, *, run: str, machine: sfn.StateMachine, time_limit: str) -> None:
    """Add alarms on failed and timed out runs; ``time_limit`` names the setting."""
    alarms.add(
        f"{run}Failed", f"A {run.lower()} failed. Its execution shows the cause.", machine.metric_failed(), 1
    )
    alarms.add(
        f"{run}TimedOut", f"A {run.lower()} ran longer than {time_limit}.", machine.metric_timed_out(), 1
    )


def add_lost_event_alarm(alarms: Alarms, *, name: str, description: str, queue: sqs.Queue) -> None:
    """Add an alarm on a dead-letter queue that is not empty."""
    visible = queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES)
    alarms.add(name, f"{description} The dead-letter queue contains the event.", visible, 1)


def add_backup_alarms(alarms: Alarms, settings: Settings) -> None:
    """Add alarms on damaged backups of each observed dataset, and on overdue ones of each scheduled dataset."""
    for dataset in settings.observed:
        alarms.add(
            f"BackupDamaged{dataset.title()}",
            f"A backup of {dataset} differs from its manifest. {VERIFICATION} beside the manifest names the files.",
            damaged(dataset, FIVE_MINUTES),
            1,
        )
    for dataset in settings.scheduled_backups:
        alarms.add(
            f"BackupStale{dataset.title()}",
            f"No backup of {dataset} was verified within backupAlarmHours.",
            verified(dataset, Duration.hours(1)),
            1,
            comparison=BELOW,
            periods=settings.backup_alarm_hours,
            # The metric has no data points while no backup is verified.
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
