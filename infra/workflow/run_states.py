"""States that every run of a migration, backup or restore has: take the leases, do the work, close the run on failure.

A run is an execution. Its control function takes the steps ``begin`` (answers {"holder": "" or the execution that has a
lease, and the run's id}) and ``abandon`` (answers {"error", "cause"}).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from dataforge.errors import AlreadyRunning
from dataforge.errors.base import compose
from dataforge.runs.step_names import CONTINUED, MigrationStep, RunStep
from dataforge.s3.keys import MAP_RESULTS
from infra.workflow.failure_states import State, catch_all, fail_explained, record_failure
from infra.workflow.steps import call, inline_concurrency, retry_died, retry_while_it_continues

ORIGIN = {
    "execution": sfn.JsonPath.string_at("$$.Execution.Id"),
    "started": sfn.JsonPath.string_at("$$.Execution.StartTime"),
}
"""The execution, from which a run's id is derived."""
EXECUTION = ORIGIN["execution"]
HOLDER = sfn.JsonPath.string_at("$.run.holder")

# An execution's history is stored for 90 days. The embedded cloud names the error without its suffix.
HOLDER_GONE = [
    "Sfn.ExecutionDoesNotExistException",
    "Sfn.ExecutionDoesNotExist",
    "Sfn.InvalidArnException",
    "Sfn.InvalidArn",
]


def executions_of(scope: Construct, machine: str) -> str:
    """The pattern of the ARNs of a machine's executions."""
    return Stack.of(scope).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


class RunStates(Construct):
    """Creates the states of a run. The answer of ``begin`` is at ``$.run``, with the run's id in the field ``run_id``.

    ``control`` takes one step of a run per call, ``worker`` one work item; at most ``concurrency`` items at a time.
    ``report`` stores lists of work items, and the results of Distributed Maps. ``holders``: names of the machines whose
    executions may have a lease that this run needs. ``maps``: the labels of the Distributed Maps created so far.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        run_id: str,
        control: lambda_.IFunction,
        worker: lambda_.IFunction,
        report: s3.IBucket,
        concurrency: int,
        holders: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        self.run_id = {run_id: sfn.JsonPath.string_at(f"$.run.{run_id}")}
        self.maps: list[str] = []
        self._control, self._worker, self._report = control, worker, report
        self._concurrency = concurrency
        self._holders = [executions_of(self, machine) for machine in holders]
        self._abandon = self._close_failed_run()

    def begin(self, work: sfn.IChainable, early: int = 0) -> sfn.IChainable:
        """Take the leases, then ``work``. If another run has one: refuse this run, or close an ended one.

        ``early``: the number of processes of ``worker`` that start meanwhile.
        """
        document = sfn.JsonPath.object_at("$$.Execution.Input")
        begin = self.or_abandon(self.invoke("Begin", RunStep.BEGIN, "$.run", **ORIGIN, input=document))
        again = self.or_abandon(
            self.invoke("BeginAgain", RunStep.BEGIN, "$.run", **ORIGIN, input=document, dead=HOLDER)
        )
        describe = self._describe_holder(gone=again)
        held = sfn.Choice(self, "IsHeld").when(sfn.Condition.string_equals("$.run.holder", ""), work)
        alive = sfn.Condition.string_equals("$.holder.status", "RUNNING")
        describe.next(sfn.Choice(self, "IsAlive").when(alive, self._refused()).otherwise(again))
        held.otherwise(describe)
        again.next(held)
        # The state is an object without any field of the input, which may be any JSON value.
        start = sfn.Pass(self, "Start", parameters={"execution": sfn.JsonPath.string_at("$$.Execution.Name")})
        return (self._start_workers(start, early, begin) if early else start.next(begin)).next(held)

    def _start_workers(self, start: sfn.Pass, count: int, begin: sfn.TaskStateBase) -> sfn.Chain:
        """Start processes, which takes as long as the first steps, without waiting for them; an error is ignored."""
        together = sfn.Parallel(self, "StartWorkers", result_path=sfn.JsonPath.DISCARD)
        for number in range(count):
            together.branch(
                tasks.LambdaInvoke(
                    self,
                    f"StartWorker{number + 1}",
                    lambda_function=self._worker,
                    invocation_type=tasks.LambdaInvocationType.EVENT,
                    payload=sfn.TaskInput.from_object({"step": MigrationStep.START}),
                    retry_on_service_exceptions=False,
                )
            )
        catch_all(together, begin, sfn.JsonPath.DISCARD)
        return start.next(together).next(begin)

    def _describe_holder(self, *, gone: sfn.IChainable) -> sfn.TaskStateBase:
        describe = tasks.CallAwsService(
            self,
            "DescribeHolder",
            service="sfn",
            action="describeExecution",
            parameters={"ExecutionArn": HOLDER},
            iam_action="states:DescribeExecution",
            iam_resources=self._holders,
            result_selector={"status": sfn.JsonPath.string_at("$.Status")},
            result_path="$.holder",
        )
        # Only these errors mean that the execution does not exist. Others must not take the lease from a running one.
        describe.add_catch(gone, errors=HOLDER_GONE, result_path="$.holder")
        describe.add_retry(errors=HOLDER_GONE, max_attempts=0)
        describe.add_retry(
            errors=["States.ALL"], interval=Duration.seconds(2), backoff_rate=2, max_attempts=4
        )
        return self.or_abandon(describe)

    def _refused(self) -> sfn.Fail:
        cause = sfn.JsonPath.format(compose("The tables are in use by {}.", hint=AlreadyRunning.hint), HOLDER)
        return sfn.Fail(self, "Refused", error=AlreadyRunning.code, cause_path=cause)

    def _close_failed_run(self) -> sfn.TaskStateBase:
        """Release the run's leases and explain the error at ``$.error``; without a database, only explain it.

        Leases that are not released then are released on the event of the failed execution, or by the next run.
        """
        caught = {"execution": EXECUTION, "error": sfn.JsonPath.object_at("$.error")}
        abandon, explain = (
            self.invoke(name, step, "$.failure", **caught)
            for name, step in (("Abandon", RunStep.ABANDON), ("Explain", RunStep.EXPLAIN))
        )
        failed = fail_explained(self, explain)
        catch_all(abandon, explain, "$.abandon").next(failed)
        return abandon

    def invoke(self, name: str, step: str, result_path: str | None, **payload: Any) -> sfn.TaskStateBase:
        """Call ``control`` with ``{"step": step, …}``; its answer goes to ``result_path`` (None: is the whole output)."""
        request = sfn.TaskInput.from_object({"step": step, **payload})
        task = retry_died(call(self, name, self._control, payload=request, result_path=result_path))
        return retry_while_it_continues(task) if step in CONTINUED else task

    def step(self, name: str, step: str, result_path: str | None = sfn.JsonPath.DISCARD) -> sfn.TaskStateBase:
        """``invoke`` with the run's id; any error closes the run."""
        return self.or_abandon(self.invoke(name, step, result_path, **self.run_id))

    def or_abandon(self, state: State) -> State:
        """Let any error of the state close the run."""
        return catch_all(state, self._abandon, "$.error")

    def for_each_item(self, name: str, plan: str, task: str, *, abandons: bool = True) -> sfn.Chain:
        """Call ``worker`` with each item of a JSON list in ``report``, in states ``task``; an empty list is skipped.

        At ``plan`` are the list's ``key`` and ``count``: a state is limited to 256 KiB. The map's label is its name.
        One item that fails ends the map, after its error is written to ``report``, and with ``abandons`` closes the run.
        """
        self.maps.append(name)
        work = sfn.DistributedMap(
            self,
            name,
            label=name,
            map_execution_type=sfn.StateMachineType.STANDARD,
            max_concurrency=self._concurrency,
            item_reader=sfn.S3JsonItemReader(bucket=self._report, key=sfn.JsonPath.string_at(f"{plan}.key")),
            item_selector={
                "item": sfn.JsonPath.object_at("$$.Map.Item.Value"),
                # Inside, the context is that of the item's own execution.
                "execution": sfn.JsonPath.string_at("$.execution"),
            },
            result_writer_v2=sfn.ResultWriterV2(bucket=self._report, prefix=MAP_RESULTS.rstrip("/")),
            result_path=sfn.JsonPath.DISCARD,
        )
        step = retry_died(call(self, task, self._worker, input_path="$.item"))
        catch_all(step, record_failure(self, task, self._report), "$.error")
        work.item_processor(step)
        some = sfn.Choice(self, f"Has{name}").when(
            sfn.Condition.number_greater_than(f"{plan}.count", 0), self.or_abandon(work) if abandons else work
        )
        return some.afterwards(include_otherwise=True)

    def for_each_table(
        self, name: str, task: str, step: str, tables: str, run_id: Mapping[str, str] | None = None
    ) -> sfn.Map:
        """Take a step, in states ``task``, for every table of the list at ``tables``, some of them at the same time.

        ``run_id``: the run's id where it is not in ``$.run``.
        """
        at_item = {name: sfn.JsonPath.string_at(f"$.{name}") for name in (*self.run_id, "table")}
        return self.for_each(
            name,
            tables,
            {**(run_id or self.run_id), "table": sfn.JsonPath.object_at("$$.Map.Item.Value")},
            self.invoke(task, step, sfn.JsonPath.DISCARD, **at_item),
            inline_concurrency(self._concurrency),
        )

    def for_each(
        self, name: str, items: str, selector: Mapping[str, Any], processor: sfn.IChainable, concurrency: int
    ) -> sfn.Map:
        """A Map inside the execution; it returns nothing."""
        inline = sfn.Map(
            self,
            name,
            items_path=items,
            item_selector=selector,
            max_concurrency=concurrency,
            result_path=sfn.JsonPath.DISCARD,
        )
        inline.item_processor(processor)
        return inline
