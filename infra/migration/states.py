"""States of a migration: plan, scan, cut, load, resolve, reconcile, publish, report.

States carry ids and object keys only. Records stay in S3 and PostgreSQL, so no history and no log contains one.
"""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn

from dataforge.errors import NoLongerKnown, TargetChanged
from dataforge.runs.step_names import MigrationStep
from infra.workflow.run_states import EXECUTION, RunStates
from infra.workflow.steps import retry_patiently


def migration_states(run: RunStates) -> sfn.IChainable:
    """The work of a migration, between ``begin`` and the end."""
    plan, cut = run.step("Plan", MigrationStep.PLAN, "$.plan"), run.step("Cut", MigrationStep.CUT, "$.cut")
    resolve = _resolve(run, cut)
    (
        plan.next(run.for_each_item("Scan", "$.plan.scan", "ScanChunk"))
        .next(cut)
        .next(run.for_each_item("Load", "$.cut", "LoadChunk"))
        .next(resolve)
        .next(run.step("Reconcile", MigrationStep.RECONCILE))
        .next(_publish(run, resolve, cut))
        .next(run.step("Report", MigrationStep.REPORT, None))
    )
    return plan


def _resolve(run: RunStates, cut: sfn.IChainable) -> sfn.Map:
    """Resolve the loaded tables, parents before children, and the tables of one wave in parallel.

    If the rows of a parent were not loaded because they were known, and it was written since, load them.
    """
    run_id = {name: sfn.JsonPath.string_at(f"$.{name}") for name in run.run_id}
    wave = run.for_each_table("SettleWave", "SettleTable", MigrationStep.RESOLVE, "$.wave", run_id)
    selector = {**run.run_id, "wave": sfn.JsonPath.object_at("$$.Map.Item.Value")}
    resolve = run.for_each("Settle", "$.plan.waves", selector, wave, concurrency=1)
    resolve.add_catch(cut, errors=[NoLongerKnown.code], result_path="$.changed")
    return run.or_abandon(resolve)


def _publish(run: RunStates, resolve: sfn.IChainable, cut: sfn.IChainable) -> sfn.TaskStateBase:
    """Make the rows visible; if a table has received other rows meanwhile, resolve against them again.

    If it is a table whose rows were not loaded because they were known, load them.
    """
    publish = run.invoke(
        "Publish", MigrationStep.PUBLISH, sfn.JsonPath.DISCARD, **run.run_id, execution=EXECUTION
    )
    retry_patiently(publish)
    publish.add_catch(resolve, errors=[TargetChanged.code], result_path="$.changed")
    publish.add_catch(cut, errors=[NoLongerKnown.code], result_path="$.changed")
    return run.or_abandon(publish)
