"""States of a backup: two exporters hold a snapshot while workers write files from it; then the files are verified.

States carry ids and object keys only. Records stay in S3 and PostgreSQL, so no history and no log contains one.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn

from dataforge.runs.step_names import BackupStep
from infra.workflow.history import CALL_SECONDS
from infra.workflow.run_states import RunStates
from infra.workflow.steps import call, retry_died

# The first call of one exporter is half as long, so that the two exporters' calls always end half a call apart.
CALL = Duration.seconds(CALL_SECONDS)
HALF_CALL = Duration.seconds(CALL_SECONDS // 2)


@dataclass(frozen=True)
class BackupStates:
    """Creates the states of a backup.

    ``hold`` exports the snapshot, ``work`` writes or reads one file, ``register``, if set, registers a verified backup in
    Glue.
    """

    run: RunStates
    hold: lambda_.IFunction
    work: lambda_.IFunction
    register: lambda_.IFunction | None

    def all(self) -> sfn.IChainable:
        """Back up, unless only an older backup is to be verified; verify if the input requests it; close."""
        close = self.run.step("Close", BackupStep.CLOSE, None)
        verify = self._verify(close)
        wanted = sfn.Condition.boolean_equals("$.run.verify", True)
        back_up = self._back_up().next(
            sfn.Choice(self.run, "IsVerificationWanted").when(wanted, verify).otherwise(close)
        )
        makes_one = sfn.Condition.boolean_equals("$.run.backup", True)
        return sfn.Choice(self.run, "IsBackupWanted").when(makes_one, back_up).otherwise(verify)

    def _back_up(self) -> sfn.Parallel:
        run, together = self.run, sfn.Parallel(self.run, "BackUp", result_path=sfn.JsonPath.DISCARD)
        plan = run.invoke("Plan", BackupStep.PLAN, "$.plan", **run.run_id)
        write = run.for_each_item("Write", "$.plan", "WritePart", abandons=False)
        finish = run.invoke("Finish", BackupStep.FINISH, sfn.JsonPath.DISCARD, **run.run_id)
        together.branch(plan.next(write).next(finish))
        together.branch(self._exporter("A", HALF_CALL))
        together.branch(self._exporter("B", CALL))
        return run.or_abandon(together)

    def _exporter(self, name: str, first_call: Duration) -> sfn.IChainable:
        """Hold the snapshot, by one call after another, until the files are written."""
        first, again = (
            self._call(f"Hold{name}{nth}", duration)
            for nth, duration in (("First", first_call), ("Again", CALL))
        )
        done = sfn.Condition.boolean_equals("$.hold.done", True)
        is_done = sfn.Choice(self.run, f"IsHold{name}Done").when(done, sfn.Pass(self.run, f"Hold{name}Done"))
        is_done.otherwise(again)
        again.next(is_done)
        return first.next(is_done)

    def _call(self, name: str, duration: Duration) -> sfn.TaskStateBase:
        payload = sfn.TaskInput.from_object({**self.run.run_id, "seconds": duration.to_seconds()})
        return retry_died(call(self.run, name, self.hold, payload=payload, result_path="$.hold"))

    def _verify(self, close: sfn.IChainable) -> sfn.TaskStateBase:
        run, plan = self.run, self.run.step("PlanChecks", BackupStep.PLAN_CHECKS, "$.checks")
        restore = self._task("RestoreScratch", self.work, {"step": BackupStep.TRIAL_RESTORE, **run.run_id})
        (
            plan.next(run.for_each_item("Check", "$.checks", "CheckFile"))
            .next(restore)
            .next(run.step("Judge", BackupStep.VALIDATE))
            .next(self._registered(close))
        )
        return plan

    def _registered(self, close: sfn.IChainable) -> sfn.IChainable:
        """Register the verified backup. The function leaves tables of newer backups unchanged."""
        if self.register is None:
            return close
        backup = {name: sfn.JsonPath.string_at(f"$.run.{name}") for name in ("dataset", "backup_id")}
        return self._task("Register", self.register, backup).next(close)

    def _task(self, name: str, function: lambda_.IFunction, payload: dict[str, str]) -> sfn.TaskStateBase:
        request = sfn.TaskInput.from_object(payload)
        task = call(self.run, name, function, payload=request, result_path=sfn.JsonPath.DISCARD)
        return self.run.or_abandon(retry_died(task))
