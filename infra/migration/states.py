"""The migration's state machine: which step follows which, what is retried, and where a failure goes.

States carry ids and places of files alone. Records stay in S3 and PostgreSQL, so no history and no log holds one.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from dataforge.errors import TargetChanged
from infra.workflow.lease_states import EXECUTION, LeaseStates
from infra.workflow.steps import inline_concurrency, retry_patiently

RUN = sfn.JsonPath.string_at("$.run.migration_id")


class MigrationStates(Construct):
    """The states; ``start`` is the first, ``chunk_maps`` are the labels of those that start children.

    ``control`` takes one step of a run at a time, ``load`` one chunk, many at once. In ``report`` lie the plan's lists of
    chunks, and there Distributed Maps write what their steps returned. ``holders``: see ``LeaseStates``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        control: lambda_.IFunction,
        load: lambda_.IFunction,
        report: s3.IBucket,
        concurrency: int,
        holders: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        self.chunk_maps: tuple[str, ...] = ()
        self._load, self._report, self._concurrency = load, report, concurrency
        self._run = LeaseStates(self, "Run", control=control, holders=holders)
        self.start = self._run.begin(self._work())

    def _work(self) -> sfn.IChainable:
        plan = self._run.step("Plan", "plan", "$.plan", migration_id=RUN)
        cut = self._run.step("Cut", "cut", "$.cut", migration_id=RUN)
        settle = self._settle()
        (
            cut.next(self._for_each_chunk("Load", "$.cut"))
            .next(settle)
            .next(self._run.step("Reconcile", "reconcile", sfn.JsonPath.DISCARD, migration_id=RUN))
            .next(self._publish(settle))
            .next(self._run.step("Report", "report", None, migration_id=RUN))
        )
        return plan.next(self._for_each_chunk("Scan", "$.plan.scan").next(cut))

    def _publish(self, settle: sfn.IChainable) -> sfn.TaskStateBase:
        """Make the run visible; if rows came into a table meanwhile, settle again, against them."""
        publish = self._run.invoke(
            "Publish", "publish", sfn.JsonPath.DISCARD, migration_id=RUN, execution=EXECUTION
        )
        retry_patiently(publish)
        publish.add_catch(settle, errors=[TargetChanged.code], result_path="$.changed")
        return self._run.or_abandon(publish)

    def _for_each_chunk(self, name: str, plan: str) -> sfn.Chain:
        """Call ``load`` with each item of the list that ``plan`` describes."""
        self.chunk_maps += (name,)
        return self._run.for_each(
            name,
            plan,
            self._load,
            report=self._report,
            concurrency=self._concurrency,
            task=f"{name}Chunk",
        )

    def _settle(self) -> sfn.Map:
        """Check and complete the loaded tables, parents before children; the tables of one wave at the same time."""
        run, table = sfn.JsonPath.string_at("$.migration_id"), sfn.JsonPath.string_at("$.table")
        settle = self._run.invoke(
            "SettleTable", "settle", sfn.JsonPath.DISCARD, migration_id=run, table=table
        )
        wave = self._map(
            "SettleWave", "$.wave", {"migration_id": run}, "table", inline_concurrency(self._concurrency)
        )
        wave.item_processor(settle)
        waves = self._map("Settle", "$.plan.waves", {"migration_id": RUN}, "wave", 1)
        waves.item_processor(wave)
        return self._run.or_abandon(waves)

    def _map(self, name: str, items: str, common: dict[str, str], item: str, concurrency: int) -> sfn.Map:
        return sfn.Map(
            self,
            name,
            items_path=items,
            item_selector={**common, item: sfn.JsonPath.object_at("$$.Map.Item.Value")},
            max_concurrency=concurrency,
            result_path=sfn.JsonPath.DISCARD,
        )
