"""States of a backup: two exporters hold a snapshot while workers write files from it; then the files are verified.

States carry ids and object keys only. Records stay in S3 and PostgreSQL, so no history and no log contains one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from dataforge.backups.signed_text import VERIFICATION
from dataforge.errors import DamagedBackup
from dataforge.runs.step_names import BackupStep
from infra.foundation.signing import SigningKeys
from infra.workflow.history import CALL_SECONDS
from infra.workflow.run_states import RunStates
from infra.workflow.signatures import INVALID, sign, text_of, verify
from infra.workflow.steps import call, retry_died

# The first call of one exporter is half as long, so that the two exporters' calls always end half a call apart.
CALL = Duration.seconds(CALL_SECONDS)
HALF_CALL = Duration.seconds(CALL_SECONDS // 2)


@dataclass(frozen=True)
class BackupStates:
    """Creates the states of a backup.

    ``keys`` sign the manifests and verifications in ``bucket``. ``hold`` exports the snapshot, ``work`` writes or reads one
    file, ``register``, if set, registers a verified backup in Glue.
    """

    run: RunStates
    keys: SigningKeys
    bucket: s3.IBucket
    hold: lambda_.IFunction
    work: lambda_.IFunction
    register: lambda_.IFunction | None

    def all(self) -> sfn.IChainable:
        """Back up, unless only an older backup is to be verified; verify if the input requests it; close.

        The signature of an older backup is verified first, unless the input allows that it is not signed.
        """
        close = self.run.step("Close", BackupStep.CLOSE, None)
        verify = self._verify(close)
        wanted = sfn.Condition.boolean_equals("$.run.verify", True)
        back_up = self._back_up().next(
            sfn.Choice(self.run, "IsVerificationWanted").when(wanted, verify).otherwise(close)
        )
        makes_one = sfn.Condition.boolean_equals("$.run.backup", True)
        signed = sfn.Condition.boolean_equals("$.run.signed", True)
        return (
            sfn.Choice(self.run, "IsBackupWanted")
            .when(makes_one, back_up)
            .when(signed, self._verify_signature().next(verify))
            .otherwise(verify)
        )

    def _verify_signature(self) -> sfn.TaskStateBase:
        text = text_of(self.bucket, "$.run.signature.kind", "$.run.signature", "$.run.signature")
        check = verify(self.run, "VerifySignature", self.keys.manifests, text, "$.run.signature.mac")
        refuse = self.run.step("RefuseSignature", BackupStep.REFUSE_SIGNATURE)
        refuse.next(sfn.Fail(self.run, "SignatureRefused", error=DamagedBackup.code))
        check.add_catch(refuse, errors=INVALID, result_path=sfn.JsonPath.DISCARD)
        return self.run.or_abandon(check)

    def _back_up(self) -> sfn.Parallel:
        run, together = self.run, sfn.Parallel(self.run, "BackUp", result_path=sfn.JsonPath.DISCARD)
        plan = run.invoke("Plan", BackupStep.PLAN, "$.plan", **run.run_id)
        write = run.for_each_item("Write", "$.plan", "WritePart", abandons=False)
        finish = run.invoke("Finish", BackupStep.FINISH, "$.manifest", **run.run_id)
        text = text_of(self.bucket, "backup", "$.run", "$.manifest")
        signature = sign(run, "SignManifest", self.keys.manifests, text, "$.signed")
        mac = sfn.JsonPath.string_at("$.signed.mac")
        store = run.invoke("StoreSignature", BackupStep.SIGN, sfn.JsonPath.DISCARD, **run.run_id, mac=mac)
        together.branch(plan.next(write).next(finish).next(signature).next(store))
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
            .next(run.step("Judge", BackupStep.VALIDATE, "$.verification"))
            .next(self._sign_verification())
            .next(self._registered(close))
        )
        return plan

    def _sign_verification(self) -> sfn.Chain:
        run, signature = self.run, "$.verification.signature"
        text = text_of(self.bucket, VERIFICATION, "$.run", signature)
        signed = run.or_abandon(sign(run, "SignVerification", self.keys.verifications, text, "$.signed"))
        store = run.invoke(
            "StoreVerification",
            BackupStep.SIGN_VERIFICATION,
            sfn.JsonPath.DISCARD,
            **run.run_id,
            signature=sfn.JsonPath.object_at(signature),
            mac=sfn.JsonPath.string_at("$.signed.mac"),
        )
        return signed.next(run.or_abandon(store))

    def _registered(self, close: sfn.IChainable) -> sfn.IChainable:
        """Register the verified backup. The function leaves tables of newer backups unchanged."""
        if self.register is None:
            return close
        backup = {name: sfn.JsonPath.string_at(f"$.run.{name}") for name in ("dataset", "backup_id")}
        reference = sfn.JsonPath.object_at("$.verification.manifest")
        return self._task("Register", self.register, {**backup, "manifest": reference}).next(close)

    def _task(self, name: str, function: lambda_.IFunction, payload: dict[str, Any]) -> sfn.TaskStateBase:
        request = sfn.TaskInput.from_object(payload)
        task = call(self.run, name, function, payload=request, result_path=sfn.JsonPath.DISCARD)
        return self.run.or_abandon(retry_died(task))
