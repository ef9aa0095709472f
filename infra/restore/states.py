"""States of a restore: check, load, compare, build new tables, swap, write the safety backup.

States carry ids and object keys only. Records stay in S3 and PostgreSQL, so no history and no log contains one.
"""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn

from infra.workflow.run_states import EXECUTION, RunStates

_TABLES = "$.check.tables"


def restore_states(run: RunStates) -> sfn.IChainable:
    """The work of a restore; a run that only writes the safety backup of an earlier one begins with "keep"."""
    finish, keep = run.step("Finish", "finish", None), run.step("PlanKeep", "keep", "$.keep")
    keep.next(run.for_each_item("Keep", "$.keep", "KeepPiece")).next(finish)
    check = run.step("Check", "check", "$.check")
    (
        check.next(run.for_each_item("Load", "$.check", "LoadPiece"))
        .next(run.or_abandon(run.for_each_table("Settle", "SettleTable", "settle", _TABLES)))
        .next(run.step("Compare", "compare", "$.compare"))
        .next(_change(run, keep, finish))
    )
    resumes = sfn.Condition.string_equals("$.run.next", "keep")
    return sfn.Choice(run, "IsSwitched").when(resumes, keep).otherwise(check)


def _change(run: RunStates, keep: sfn.IChainable, finish: sfn.IChainable) -> sfn.Choice:
    """As the comparison answers: nothing (a dry run), or the swap, before which whole new tables may be built."""
    switch = run.or_abandon(
        run.invoke("Switch", "switch", sfn.JsonPath.DISCARD, **run.run_id, execution=EXECUTION)
    )
    switch.next(keep)
    build, link = (
        run.or_abandon(run.for_each_table(name, f"{name}Table", name.lower(), _TABLES))
        for name in ("Build", "Link")
    )
    build.next(link).next(switch)
    return (
        sfn.Choice(run, "HowToGoOn")
        .when(sfn.Condition.string_equals("$.compare.next", "finish"), finish)
        .when(sfn.Condition.string_equals("$.compare.next", "build"), build)
        .otherwise(switch)
    )
