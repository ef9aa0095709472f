"""The restore's state machine: which step follows which, what is retried, and where a failure goes.

States carry ids and places of files alone. Records stay in S3 and PostgreSQL, so no history and no log holds one.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.workflow.lease_states import EXECUTION, LeaseStates
from infra.workflow.steps import inline_concurrency

RUN = sfn.JsonPath.string_at("$.run.restore_id")


class RestoreStates(Construct):
    """The states; ``start`` is the first, ``piece_maps`` are the labels of those that start children.

    ``control`` takes one step of a run at a time, ``work`` one file or part, many at once. In ``report`` lie the lists of
    these, and there Distributed Maps write what their steps returned. ``holders``: see ``LeaseStates``.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        control: lambda_.IFunction,
        work: lambda_.IFunction,
        report: s3.IBucket,
        concurrency: int,
        holders: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        self.piece_maps: tuple[str, ...] = ()
        self._worker, self._report, self._concurrency = work, report, concurrency
        self._run = LeaseStates(self, "Run", control=control, holders=holders)
        self.start = self._run.begin(self._work())

    def _work(self) -> sfn.IChainable:
        """All steps; a run that only writes the safety backup of an earlier one begins with that."""
        finish = self._run.step("Finish", "finish", None, restore_id=RUN)
        keep = self._run.step("PlanKeep", "keep", "$.keep", restore_id=RUN)
        keep.next(self._for_each_piece("Keep", "$.keep")).next(finish)
        check = self._run.step("Check", "check", "$.check", restore_id=RUN)
        settle = self._for_each_table("Settle", "settle")
        compare = self._run.step("Compare", "compare", "$.compare", restore_id=RUN)
        check.next(self._for_each_piece("Load", "$.check")).next(settle).next(compare)
        compare.next(self._change(keep, finish))
        begun = sfn.Choice(self, "IsSwitched")
        return begun.when(sfn.Condition.string_equals("$.run.next", "keep"), keep).otherwise(check)

    def _change(self, keep: sfn.IChainable, finish: sfn.IChainable) -> sfn.Choice:
        """As the comparison says: nothing (a dry run), or the switch, which whole new tables are built for first."""
        switch = self._run.step("Switch", "switch", sfn.JsonPath.DISCARD, restore_id=RUN, execution=EXECUTION)
        switch.next(keep)
        build = self._for_each_table("Build", "build")
        build.next(self._for_each_table("Link", "link")).next(switch)
        return (
            sfn.Choice(self, "HowToGoOn")
            .when(sfn.Condition.string_equals("$.compare.next", "finish"), finish)
            .when(sfn.Condition.string_equals("$.compare.next", "build"), build)
            .otherwise(switch)
        )

    def _for_each_piece(self, name: str, plan: str) -> sfn.Chain:
        """Call ``work`` with each item of the list that ``plan`` describes."""
        self.piece_maps += (name,)
        return self._run.for_each(
            name,
            plan,
            self._worker,
            report=self._report,
            concurrency=self._concurrency,
            task=f"{name}Piece",
        )

    def _for_each_table(self, name: str, step: str) -> sfn.Map:
        """Take a step for every table, the largest first, some at the same time."""
        run, table = sfn.JsonPath.string_at("$.restore_id"), sfn.JsonPath.string_at("$.table")
        tables = sfn.Map(
            self,
            name,
            items_path="$.check.tables",
            item_selector={"restore_id": RUN, "table": sfn.JsonPath.object_at("$$.Map.Item.Value")},
            max_concurrency=inline_concurrency(self._concurrency),
            result_path=sfn.JsonPath.DISCARD,
        )
        tables.item_processor(
            self._run.invoke(f"{name}Table", step, sfn.JsonPath.DISCARD, restore_id=run, table=table)
        )
        return self._run.or_abandon(tables)
