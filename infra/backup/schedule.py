"""The backups that nobody has to think of: one schedule per dataset."""

from __future__ import annotations

from collections import Counter

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
    """Start the machine for each dataset that has a schedule, and let it verify what it has made.

    The schedules' role may start this machine and nothing else. What could not be started lies in the queue.
    """
    shared = Counter(settings.scheduled_backups.values())
    for dataset, expression in settings.scheduled_backups.items():
        scheduler.Schedule(
            scope,
            f"Schedule{dataset.title().replace('_', '')}",
            description=f"Back up and verify the dataset {dataset}",
            schedule=scheduler.ScheduleExpression.expression(expression),
            # Datasets that share an expression would all begin in the same minute.
            time_window=scheduler.TimeWindow.flexible(SPREAD) if shared[expression] > 1 else None,
            target=targets.StepFunctionsStartExecution(
                machine,
                input=scheduler.ScheduleTargetInput.from_object({"dataset": dataset, "verify": True}),
                dead_letter_queue=dead_letters,
                retry_attempts=10,
                max_event_age=Duration.hours(2),
            ),
        )
