"""States of a restore: check, load, compare, build new tables, swap, write the safety backup.

States carry ids and object keys only. Records stay in S3 and PostgreSQL, so no history and no log contains one.
"""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn

from dataforge.runs.step_names import RestoreStep
from infra.workflow.run_states import EXECUTION, RunStates

_TABLES = "$.check.tables"


def restore_states(run: RunStates) -> sfn.IChainable:
    """The work of a restore; a run that only writes the safety backup of an earlier one begins with "keep"."""
    finish, keep = (
        run.step("Finish", RestoreStep.FINISH, None),
        run.step("PlanKeep", RestoreStep.SAFETY_BACKUP, "$.keep"),
    )
    keep.next(run.for_each_item("Keep", "$.keep", "KeepPiece")).next(finish)
    check = run.step("Check", RestoreStep.CHECK, "$.check")
    (
        check.next(run.for_each_item("Load", "$.check", "LoadPiece"))
        .next(
            run.or_abandon(run.for_each_table("Settle", "SettleTable", RestoreStep.CHECK_RESTORED, _TABLES))
        )
        .next(run.step("Compare", RestoreStep.COMPARE, "$.compare"))
        .next(_change(run, keep, finish))
    )
    resumes = sfn.Condition.string_equals("$.run.next", RestoreStep.SAFETY_BACKUP)
    return sfn.Choice(run, "IsSwitched").when(resumes, keep).otherwise(check)


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
