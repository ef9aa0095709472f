"""The state machine of a run: the shared states around its work, and the rule that closes runs stopped from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.settings import Settings
from infra.workflow.machine import machine_name, make_machine
from infra.workflow.run_states import RunStates

STOPPED = ["FAILED", "TIMED_OUT", "ABORTED"]


def make_run_machine(
    scope: Construct,
    *,
    settings: Settings,
    kind: str,
    comment: str,
    run_id: str,
    excludes: Sequence[str],
    work: Callable[[RunStates], sfn.IChainable],
    control: lambda_.Function,
    worker: lambda_.Function,
    others: Sequence[lambda_.Function] = (),
    report: s3.Bucket,
    concurrency: int,
    hours: int,
    dead_letters: sqs.Queue,
    on_stop: str,
    early: int = 0,
) -> sfn.StateMachine:
    """The machine of this ``kind``, whose states ``work`` creates. For ``run_id`` and ``concurrency`` see ``RunStates``.

    ``excludes``: the kinds whose executions take the same leases. ``others``: functions that it calls beside ``control``
    and ``worker``. ``early``: the number of processes of ``worker`` that start with the run. ``on_stop``: the description
    of the rule that closes a run which was stopped or timed out.
    """
    holders = [machine_name(settings, other) for other in excludes]
    states = RunStates(
        scope,
        "States",
        run_id=run_id,
        control=control,
        worker=worker,
        report=report,
        concurrency=concurrency,
        holders=holders,
    )
    machine = make_machine(
        scope,
        settings=settings,
        kind=kind,
        comment=comment,
        start=states.begin(work(states), early),
        timeout=Duration.hours(hours),
        functions=[control, worker, *others],
        holders=holders,
        report=report,
        labels=states.maps,
    )
    _release_when_stopped(scope, machine, control, dead_letters, on_stop)
    return machine


def _release_when_stopped(
    scope: Construct,
    machine: sfn.StateMachine,
    control: lambda_.Function,
    dead_letters: sqs.Queue,
    description: str,
) -> None:
    """A run that is stopped from outside, or times out, cannot release its leases; ``control`` does it on this event.

    It receives the event's detail unchanged: a template would have to escape the cause, and lacks fields that are null.
    """
    event = events.RuleTargetInput.from_event_path("$.detail")
    events.Rule(
        scope,
        "Stopped",
        description=description,
        event_pattern=events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={"stateMachineArn": [machine.state_machine_arn], "status": STOPPED},
        ),
        targets=[targets.LambdaFunction(control, dead_letter_queue=dead_letters, event=event)],
    )


def dead_letter_queue(scope: Construct) -> sqs.Queue:
    """The queue for events that could not be handled."""
    return sqs.Queue(
        scope,
        "DeadLetters",
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
