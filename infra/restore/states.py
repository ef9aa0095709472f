"""States of a restore: check, load, compare, build new tables, swap, write the safety backup.

States carry ids and object keys only. Records stay in S3 and PostgreSQL, so no history and no log contains one.
"""

from __future__ import annotations

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn

from dataforge.runs.step_names import RestoreStep
from infra.foundation.signing import SigningKeys
from infra.workflow.run_states import EXECUTION, RunStates
from infra.workflow.signatures import INVALID, sign, text_of, verify

_TABLES = "$.check.tables"
_SIGNATURE = sfn.JsonPath.object_at("$.run.signature")


def restore_states(run: RunStates, *, keys: SigningKeys, bucket: s3.IBucket) -> sfn.IChainable:
    """The work of a restore; a run that only writes the safety backup of an earlier one begins with "keep"."""
    keep = run.step("PlanKeep", RestoreStep.SAFETY_BACKUP, "$.keep")
    keep.next(run.for_each_item("Keep", "$.keep", "KeepPiece")).next(_sign(run, keys, bucket))
    check = run.or_abandon(
        run.invoke("Check", RestoreStep.CHECK, "$.check", **run.run_id, signature=_SIGNATURE)
    )
    (
        check.next(run.for_each_item("Load", "$.check", "LoadPiece"))
        .next(
            run.or_abandon(run.for_each_table("Settle", "SettleTable", RestoreStep.CHECK_RESTORED, _TABLES))
        )
        .next(run.step("Compare", RestoreStep.COMPARE, "$.compare"))
        .next(_change(run, keep, run.step("Finish", RestoreStep.FINISH, None)))
    )
    resumes = sfn.Condition.string_equals("$.run.next", RestoreStep.SAFETY_BACKUP)
    signed = sfn.Condition.boolean_equals("$.run.signed", True)
    return (
        sfn.Choice(run, "IsSwitched")
        .when(resumes, keep)
        .when(signed, _verify(run, keys, bucket, check))
        .otherwise(check)
    )


def _verify(
    run: RunStates, keys: SigningKeys, bucket: s3.IBucket, check: sfn.IChainable
) -> sfn.TaskStateBase:
    """Verify the signature of the selected backup; if it is not valid, select another one or fail."""
    text = text_of(bucket, "$.run.signature.kind", "$.run.signature", "$.run.signature")
    verified = verify(run, "VerifySignature", keys.manifests, text, "$.run.signature.mac")
    document = sfn.JsonPath.object_at("$$.Execution.Input")
    older = run.invoke("SelectOlder", RestoreStep.SELECT_OLDER, "$.run", **run.run_id, input=document)
    verified.add_catch(older, errors=INVALID, result_path=sfn.JsonPath.DISCARD)
    run.or_abandon(verified).next(check)
    run.or_abandon(older).next(verified)
    return verified


def _sign(run: RunStates, keys: SigningKeys, bucket: s3.IBucket) -> sfn.IChainable:
    """Write the manifest of the safety backup, sign it, store the signature, and end."""
    write = run.step("WriteManifest", RestoreStep.WRITE_MANIFEST, "$.manifest")
    text = text_of(bucket, "safety", "$.run", "$.manifest", "restore_id")
    finish = run.invoke(
        "FinishSigned",
        RestoreStep.FINISH,
        None,
        **run.run_id,
        signature=sfn.JsonPath.object_at("$.manifest"),
        mac=sfn.JsonPath.string_at("$.signed.mac"),
    )
    signed = run.or_abandon(sign(run, "SignManifest", keys.manifests, text, "$.signed"))
    write.next(signed).next(run.or_abandon(finish))
    return write


def _change(run: RunStates, keep: sfn.IChainable, finish: sfn.IChainable) -> sfn.Choice:
    """As the comparison answers: nothing (a dry run), or the swap, before which whole new tables may be built."""
    switch = run.or_abandon(
        run.invoke("Switch", RestoreStep.SWAP, sfn.JsonPath.DISCARD, **run.run_id, execution=EXECUTION)
    )
    switch.next(keep)
    build, link = (
        run.or_abandon(run.for_each_table(name, f"{name}Table", step, _TABLES))
        for name, step in (("Build", RestoreStep.BUILD), ("Link", RestoreStep.LINK))
    )
    build.next(link).next(switch)
    return (
        sfn.Choice(run, "HowToGoOn")
        .when(sfn.Condition.string_equals("$.compare.next", RestoreStep.FINISH), finish)
        .when(sfn.Condition.string_equals("$.compare.next", RestoreStep.BUILD), build)
        .otherwise(switch)
    )
