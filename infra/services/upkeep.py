"""The upkeep: a state machine for the changes that a deployment has deferred, and for expired rejections."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.foundation.foundation import Foundation
from infra.foundation.functions import SMALL, Function
from infra.workflow.failure_states import catch_all, explain_with
from infra.workflow.machine import make_machine
from infra.workflow.run_states import EXECUTION
from infra.workflow.steps import call, retry_died

PAUSE = Duration.minutes(5)
"""Pause between two checks of a statement that exceeds the function's 15 minutes. Each check adds nine events to the
execution's history, whose limit is 25,000: about nine days."""


class Upkeep(Construct):
    """One function, which lets the applier work as the master, and the machine that calls it until nothing remains to do.

    A deployment that defers changes starts the machine, and so does a daily rule, because rejections expire every day.
    The machine does not depend on the schema's resource, whose function starts it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        apply: Function,
        apply_timeout: Duration,
    ) -> None:
        super().__init__(scope, id)
        self.work = Function(
            self,
            "SchemaUpkeep",
            settings=foundation.settings,
            handler="schema.upkeep",
            description="Validates constraints and builds indexes of large tables, and deletes expired rejections",
            layers=[foundation.layers.common, foundation.layers.deps],
            environment={
                "MASTER_SECRET_ARN": foundation.database.master_secret.secret_arn,
                "APPLY_FUNCTION": apply.function_name,
                "APPLY_SECONDS": str(apply_timeout.to_seconds()),
                "REJECTION_DAYS": str(foundation.settings.rejection_days),
            },
            timeout=Duration.minutes(15),
            memory_size=SMALL,
        )
        foundation.database.master_secret.grant_read(self.work)
        self.work.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[apply.function_arn])
        )
        self.machine = make_machine(
            self,
            settings=foundation.settings,
            kind="upkeep",
            comment="Constraints and indexes of large tables, one at a time, then expired rejections",
            start=self._start(),
            timeout=Duration.days(7),
            functions=[self.work],
            holders=(),
            report=foundation.storage.report,
            labels=(),
        )
        events.Rule(
            self,
            "Daily",
            description="Deletes expired rejections",
            schedule=events.Schedule.rate(Duration.days(1)),
            targets=[targets.SfnStateMachine(self.machine)],
        )

    def _start(self) -> sfn.IChainable:
        request = sfn.TaskInput.from_object({"step": "work", "execution": EXECUTION})
        work = retry_died(call(self, "Work", self.work, payload=request, result_path="$.work"))
        wait = sfn.Wait(self, "Pause", time=sfn.WaitTime.duration(PAUSE))
        wait.next(work)
        choice = sfn.Choice(self, "WhatNext")
        choice.when(sfn.Condition.string_equals("$.work.next", "again"), work)
        choice.when(sfn.Condition.string_equals("$.work.next", "wait"), wait)
        choice.otherwise(sfn.Succeed(self, "Done"))
        catch_all(work, explain_with(self, self.work), "$.error")
        # Replaces any input by an object.
        return sfn.Pass(self, "Start", result=sfn.Result.from_object({})).next(work).next(choice)
