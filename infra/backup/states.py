"""The backup's state machine: two holders keep a snapshot alive while workers write files by it; then it is verified.

States carry ids and places of files alone. Records stay in S3 and PostgreSQL, so no history and no log holds one.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.workflow.history import LIFE_SECONDS
from infra.workflow.lease_states import LeaseStates
from infra.workflow.steps import call, retry_died

RUN = sfn.JsonPath.string_at("$.run.run_id")

# The first life of one of them is half as long, so that their ends, at which a holder hands over to its next life, are
# always half a life apart.
LIFE = Duration.seconds(LIFE_SECONDS)
HALF_LIFE = Duration.seconds(LIFE_SECONDS // 2)


class BackupStates(Construct):
    """The states; ``start`` is the first, ``maps`` are the labels of those that start children.

    ``control`` takes one step of a run at a time, ``hold`` holds the snapshot, ``work`` writes or reads one file, many at
    once, ``register``, if there is one, tells Glue of a verified backup. For ``report`` and ``holders`` see ``LeaseStates``.
    """

    maps = ("Write", "Check")

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        control: lambda_.IFunction,
        hold: lambda_.IFunction,
        work: lambda_.IFunction,
        register: lambda_.IFunction | None,
        report: s3.IBucket,
        concurrency: int,
        holders: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        self._hold, self._work, self._register = hold, work, register
        self._report, self._concurrency = report, concurrency
        self._run = LeaseStates(self, "Run", control=control, holders=holders)
        self.start = self._run.begin(self._after_begin())

    def _after_begin(self) -> sfn.IChainable:
        """Back up unless only an older backup is to be verified; verify if that is wanted; tidy up."""
        close = self._run.step("Close", "close", None, run_id=RUN)
        verify = self._verify(close)
        wanted = sfn.Condition.boolean_equals("$.run.verify", True)
        back_up = self._back_up().next(
            sfn.Choice(self, "IsVerificationWanted").when(wanted, verify).otherwise(close)
        )
        makes_one = sfn.Condition.boolean_equals("$.run.backup", True)
        return sfn.Choice(self, "IsBackupWanted").when(makes_one, back_up).otherwise(verify)

    def _back_up(self) -> sfn.Parallel:
        together = sfn.Parallel(self, "BackUp", result_path=sfn.JsonPath.DISCARD)
        plan = self._run.invoke("Plan", "plan", "$.plan", run_id=RUN)
        write = self._for_each("Write", "$.plan", "WritePart", abandons=False)
        finish = self._run.invoke("Finish", "finish", sfn.JsonPath.DISCARD, run_id=RUN)
        together.branch(plan.next(write).next(finish))
        together.branch(self._holder("A", HALF_LIFE))
        together.branch(self._holder("B", LIFE))
        return self._run.or_abandon(together)

    def _holder(self, name: str, first_life: Duration) -> sfn.IChainable:
        """Hold the snapshot, life after life, until nobody needs it."""
        first, again = (
            self._life(f"Hold{name}{nth}", life) for nth, life in (("First", first_life), ("Again", LIFE))
        )
        done = sfn.Condition.boolean_equals("$.hold.done", True)
        is_done = sfn.Choice(self, f"IsHold{name}Done").when(done, sfn.Pass(self, f"Hold{name}Done"))
        is_done.otherwise(again)
        again.next(is_done)
        return first.next(is_done)

    def _life(self, name: str, life: Duration) -> sfn.TaskStateBase:
        payload = sfn.TaskInput.from_object({"run_id": RUN, "seconds": life.to_seconds()})
        return retry_died(call(self, name, self._hold, payload=payload, result_path="$.hold"))

    def _verify(self, close: sfn.IChainable) -> sfn.TaskStateBase:
        plan = self._run.step("PlanChecks", "plan_checks", "$.checks", run_id=RUN)
        scratch = sfn.TaskInput.from_object({"step": "restore_scratch", "run_id": RUN})
        restore = call(self, "RestoreScratch", self._work, payload=scratch, result_path=sfn.JsonPath.DISCARD)
        (
            plan.next(self._for_each("Check", "$.checks", "CheckFile"))
            .next(self._run.or_abandon(retry_died(restore)))
            .next(self._run.step("Judge", "judge", sfn.JsonPath.DISCARD, run_id=RUN))
            .next(self._registered(close))
        )
        return plan

    def _registered(self, close: sfn.IChainable) -> sfn.IChainable:
        """Register the backup that was verified, if anything is to be. The function leaves tables of newer ones alone."""
        if self._register is None:
            return close
        payload = sfn.TaskInput.from_object(
            {name: sfn.JsonPath.string_at(f"$.run.{name}") for name in ("dataset", "backup_id")}
        )
        register = retry_died(
            call(self, "Register", self._register, payload=payload, result_path=sfn.JsonPath.DISCARD)
        )
        return self._run.or_abandon(register).next(close)

    def _for_each(self, name: str, plan: str, task: str, *, abandons: bool = True) -> sfn.Chain:
        return self._run.for_each(
            name,
            plan,
            self._work,
            report=self._report,
            concurrency=self._concurrency,
            task=task,
            abandons=abandons,
        )
