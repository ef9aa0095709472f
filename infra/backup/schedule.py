"""Scheduled backups: one schedule per dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

from aws_cdk import Duration
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.settings import Settings

SPREAD = Duration.minutes(30)


def schedule_backups(
    scope: Construct, *, settings: Settings, machine: sfn.StateMachine, dead_letters: sqs.IQueue
) -> None:
    """Start a verified backup of each dataset that has a schedule.

    The schedules' role may only start this machine. Starts that failed are sent to the queue.
    """
    ids = schedule_ids(settings.scheduled_backups)
    shared = Counter(settings.scheduled_backups.values())
    for dataset, expression in settings.scheduled_backups.items():
        scheduler.Schedule(
            scope,
            ids[dataset],
            description=f"Back up and verify the dataset {dataset}",
            schedule=scheduler.ScheduleExpression.expression(expression),
            # Otherwise all datasets that share an expression would start in the same minute.
            time_window=scheduler.TimeWindow.flexible(SPREAD) if shared[expression] > 1 else None,
            target=targets.StepFunctionsStartExecution(
                machine,
                input=scheduler.ScheduleTargetInput.from_object({"dataset": dataset, "verify": True}),
                dead_letter_queue=dead_letters,
                retry_attempts=10,
                max_event_age=Duration.hours(2),
            ),
        )


def schedule_ids(datasets: Iterable[str]) -> dict[str, str]:
    """The construct id of each dataset's schedule, in which names such as a_1b and a1b would be the same."""
    ids: dict[str, str] = {}
    for dataset in sorted(datasets, key=lambda name: (-name.count("_"), name)):
        made = f"Schedule{dataset.title().replace('_', '')}"
        ids[dataset] = made + sha256(dataset.encode()).hexdigest()[:8] if made in ids.values() else made
    return ids
