"""The migration's state machine: which step follows which, what is retried, and where a failure goes.

States carry ids and places of files alone. Records stay in S3 and PostgreSQL, so no history and no log holds one.
"""

from __future__ import annotations

from typing import Any, TypeVar

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from dataforge.errors import AlreadyRunning, TargetChanged
from infra.steps import call, retry_died
from infra.storage import MAP_RESULTS

RUN = sfn.JsonPath.string_at("$.run.migration_id")
EXECUTION = sfn.JsonPath.string_at("$$.Execution.Id")
HOLDER = sfn.JsonPath.string_at("$.run.holder")

# An execution's history is kept for 90 days. The embedded cloud names the error without its suffix.
HOLDER_GONE = [
    "Sfn.ExecutionDoesNotExistException",
    "Sfn.ExecutionDoesNotExist",
    "Sfn.InvalidArnException",
    "Sfn.InvalidArn",
]

State = TypeVar("State", sfn.TaskStateBase, sfn.Map, sfn.DistributedMap)


class MigrationStates(Construct):
    """The states; ``start`` is the first, ``chunk_maps`` are the labels of those that start children.

    ``control`` takes one step of a run at a time, ``load`` one chunk, many at once. In ``report`` lie the plan's lists of
    chunks, and there Distributed Maps write what their steps returned.
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
        executions_arn: str,
    ) -> None:
        super().__init__(scope, id)
        self.chunk_maps: tuple[str, ...] = ()
        self._control, self._load, self._report, self._concurrency = control, load, report, concurrency
        self._abandon = self._explain_failure()
        self.start = self._begin(self._work(), executions_arn)

    def _begin(self, work: sfn.IChainable, executions_arn: str) -> sfn.IChainable:
        """Take the lease. A holder that still runs refuses this run; a dead one loses it."""
        origin = {
            "execution": EXECUTION,
            "started": sfn.JsonPath.string_at("$$.Execution.StartTime"),
            "input": sfn.JsonPath.object_at("$$.Execution.Input"),
        }
        begin = self._step("Begin", "begin", "$.run", **origin)
        again = self._step("BeginAgain", "begin", "$.run", **origin, dead=HOLDER)
        describe = self._describe_holder(executions_arn, gone=again)
        held = sfn.Choice(self, "IsHeld").when(sfn.Condition.string_equals("$.run.holder", ""), work)
        alive = sfn.Condition.string_equals("$.holder.status", "RUNNING")
        describe.next(sfn.Choice(self, "IsAlive").when(alive, self._refused()).otherwise(again))
        held.otherwise(describe)
        again.next(held)
        # Whatever the caller sent, and be it a list, the state is an object with no field of his in it.
        return sfn.Pass(self, "Start", result=sfn.Result.from_object({})).next(begin).next(held)

    def _describe_holder(self, executions_arn: str, *, gone: sfn.IChainable) -> sfn.TaskStateBase:
        describe = tasks.CallAwsService(
            self,
            "DescribeHolder",
            service="sfn",
            action="describeExecution",
            parameters={"ExecutionArn": HOLDER},
            iam_action="states:DescribeExecution",
            iam_resources=[executions_arn],
            result_selector={"status": sfn.JsonPath.string_at("$.Status")},
            result_path="$.holder",
        )
        # Only these say that the holder is gone. Anything else must not take the lease from a run that lives.
        describe.add_catch(gone, errors=HOLDER_GONE, result_path="$.holder")
        describe.add_retry(errors=HOLDER_GONE, max_attempts=0)
        describe.add_retry(
            errors=["States.ALL"], interval=Duration.seconds(2), backoff_rate=2, max_attempts=4
        )
        return self._or_abandon(describe)

    def _refused(self) -> sfn.Fail:
        cause = sfn.JsonPath.format("The tables are held by {}. Wait until it is over, or stop it.", HOLDER)
        return sfn.Fail(self, "Refused", error=AlreadyRunning.__name__, cause_path=cause)

    def _work(self) -> sfn.IChainable:
        plan = self._step("Plan", "plan", "$.plan", migration_id=RUN)
        cut = self._step("Cut", "cut", "$.cut", migration_id=RUN)
        settle = self._settle()
        (
            cut.next(self._for_each_chunk("Load", "$.cut.key"))
            .next(settle)
            .next(self._step("Reconcile", "reconcile", sfn.JsonPath.DISCARD, migration_id=RUN))
            .next(self._publish(settle))
            .next(self._step("Report", "report", None, migration_id=RUN))
        )
        scan = self._for_each_chunk("Scan", "$.plan.scan.key").next(cut)
        some = sfn.Condition.number_greater_than("$.plan.scan.count", 0)
        return plan.next(sfn.Choice(self, "NeedsScan").when(some, scan).otherwise(cut))

    def _publish(self, settle: sfn.IChainable) -> sfn.TaskStateBase:
        """Make the run visible; if rows came into a table meanwhile, settle again, against them."""
        publish = self._invoke(
            "Publish", "publish", sfn.JsonPath.DISCARD, migration_id=RUN, execution=EXECUTION
        )
        publish.add_catch(settle, errors=[TargetChanged.__name__], result_path="$.changed")
        return self._or_abandon(publish)

    def _for_each_chunk(self, name: str, items: str) -> sfn.DistributedMap:
        """Call ``load`` with each item of the JSON list whose key stands at ``items``; a state itself holds 256 KiB."""
        self.chunk_maps += (name,)
        results = sfn.ResultWriterV2(bucket=self._report, prefix=MAP_RESULTS.rstrip("/"))
        chunks = sfn.DistributedMap(
            self,
            name,
            label=name,
            map_execution_type=sfn.StateMachineType.STANDARD,
            max_concurrency=self._concurrency,
            item_reader=sfn.S3JsonItemReader(bucket=self._report, key=sfn.JsonPath.string_at(items)),
            result_writer_v2=results,
            result_path=sfn.JsonPath.DISCARD,
        )
        chunks.item_processor(retry_died(call(self, f"{name}Chunk", self._load)))
        return self._or_abandon(chunks)

    def _settle(self) -> sfn.Map:
        """Check and complete the loaded tables, parents before children; the tables of one wave at the same time."""
        run, table = sfn.JsonPath.string_at("$.migration_id"), sfn.JsonPath.string_at("$.table")
        settle = self._invoke("SettleTable", "settle", sfn.JsonPath.DISCARD, migration_id=run, table=table)
        wave = self._map("SettleWave", "$.wave", {"migration_id": run}, "table", self._concurrency)
        wave.item_processor(settle)
        waves = self._map("Settle", "$.plan.waves", {"migration_id": RUN}, "wave", 1)
        waves.item_processor(wave)
        return self._or_abandon(waves)

    def _map(self, name: str, items: str, common: dict[str, str], item: str, concurrency: int) -> sfn.Map:
        return sfn.Map(
            self,
            name,
            items_path=items,
            item_selector={**common, item: sfn.JsonPath.object_at("$$.Map.Item.Value")},
            max_concurrency=concurrency,
            result_path=sfn.JsonPath.DISCARD,
        )

    def _explain_failure(self) -> sfn.TaskStateBase:
        """Release what the run holds and put the error into words; should that fail too, the first error stands."""
        error = sfn.JsonPath.object_at("$.error")
        abandon = self._invoke("Abandon", "abandon", "$.failure", execution=EXECUTION, error=error)
        raw = sfn.Fail(self, "FailedRaw", error_path="$.error.Error", cause_path="$.error.Cause")
        abandon.add_catch(raw, errors=["States.ALL"], result_path="$.abandon")
        abandon.next(sfn.Fail(self, "Failed", error_path="$.failure.error", cause_path="$.failure.cause"))
        return abandon

    def _step(self, name: str, step: str, result_path: str | None, **payload: Any) -> sfn.TaskStateBase:
        return self._or_abandon(self._invoke(name, step, result_path, **payload))

    def _or_abandon(self, state: State) -> State:
        state.add_catch(self._abandon, errors=["States.ALL"], result_path="$.error")
        return state

    def _invoke(self, name: str, step: str, result_path: str | None, **payload: Any) -> sfn.TaskStateBase:
        """``control`` with ``{"step": step, …}``; its answer goes to ``result_path`` (None: it is the whole output)."""
        request = sfn.TaskInput.from_object({"step": step, **payload})
        return retry_died(call(self, name, self._control, payload=request, result_path=result_path))
