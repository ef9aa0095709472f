"""The states around a run's own work: taking its lease before, and the way out of a failure.

Migration, backup and restore share them. A run is an execution; its control function knows the steps ``begin`` (answers
{"holder": "" or the execution that has the lease, …}) and ``abandon`` (answers {"error", "cause"}).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from dataforge.errors import AlreadyRunning
from dataforge.errors.base import compose
from dataforge.s3.keys import MAP_RESULTS
from infra.workflow.failure_states import fail_explained, record_failure
from infra.workflow.steps import call, retry_died

EXECUTION = sfn.JsonPath.string_at("$$.Execution.Id")
HOLDER = sfn.JsonPath.string_at("$.run.holder")

# An execution's history is kept for 90 days. The embedded cloud names the error without its suffix.
HOLDER_GONE = [
    "Sfn.ExecutionDoesNotExistException",
    "Sfn.ExecutionDoesNotExist",
    "Sfn.InvalidArnException",
    "Sfn.InvalidArn",
]

State = TypeVar("State", sfn.TaskStateBase, sfn.Map, sfn.DistributedMap, sfn.Parallel)


def executions_of(scope: Construct, machine: str) -> str:
    """The pattern of the ARNs of a machine's executions."""
    return Stack.of(scope).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


class LeaseStates(Construct):
    """Makes the steps of a run that holds a lease; what ``begin`` answered stands at ``$.run``.

    ``holders`` are the machines, by name, whose executions may have the lease that this run asks for.
    """

    def __init__(
        self, scope: Construct, id: str, *, control: lambda_.IFunction, holders: Sequence[str]
    ) -> None:
        super().__init__(scope, id)
        self._control = control
        self._holders = [executions_of(self, machine) for machine in holders]
        self._abandon = self._explain_failure()

    def begin(self, work: sfn.IChainable) -> sfn.IChainable:
        """Take the lease, then ``work``. A holder that still runs refuses this run; a dead one loses it."""
        origin = {
            "execution": EXECUTION,
            "started": sfn.JsonPath.string_at("$$.Execution.StartTime"),
            "input": sfn.JsonPath.object_at("$$.Execution.Input"),
        }
        begin = self.step("Begin", "begin", "$.run", **origin)
        again = self.step("BeginAgain", "begin", "$.run", **origin, dead=HOLDER)
        describe = self._describe_holder(gone=again)
        held = sfn.Choice(self, "IsHeld").when(sfn.Condition.string_equals("$.run.holder", ""), work)
        alive = sfn.Condition.string_equals("$.holder.status", "RUNNING")
        describe.next(sfn.Choice(self, "IsAlive").when(alive, self._refused()).otherwise(again))
        held.otherwise(describe)
        again.next(held)
        # Whatever the caller sent, the state is an object without any field of the caller's.
        start = sfn.Pass(self, "Start", parameters={"execution": sfn.JsonPath.string_at("$$.Execution.Name")})
        return start.next(begin).next(held)

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
        # Only these say that the holder is gone. Anything else must not take the lease from a run that lives.
        describe.add_catch(gone, errors=HOLDER_GONE, result_path="$.holder")
        describe.add_retry(errors=HOLDER_GONE, max_attempts=0)
        describe.add_retry(
            errors=["States.ALL"], interval=Duration.seconds(2), backoff_rate=2, max_attempts=4
        )
        return self.or_abandon(describe)

    def _refused(self) -> sfn.Fail:
        cause = sfn.JsonPath.format(compose("The tables are in use by {}.", hint=AlreadyRunning.hint), HOLDER)
        return sfn.Fail(self, "Refused", error=AlreadyRunning.code, cause_path=cause)

    def _explain_failure(self) -> sfn.TaskStateBase:
        """Release what the run holds and explain the error; without a database, only explain it.

        What is not released then is released by the event of the failed execution, or by the next run.
        """
        caught = {"execution": EXECUTION, "error": sfn.JsonPath.object_at("$.error")}
        abandon, explain = (
            self.invoke(name, name.lower(), "$.failure", **caught) for name in ("Abandon", "Explain")
        )
        failed = fail_explained(self, explain)
        abandon.add_catch(explain, errors=["States.ALL"], result_path="$.abandon")
        abandon.next(failed)
        return abandon

    def step(self, name: str, step: str, result_path: str | None, **payload: Any) -> sfn.TaskStateBase:
        """``invoke``, with the run abandoned on any error."""
        return self.or_abandon(self.invoke(name, step, result_path, **payload))

    def or_abandon(self, state: State) -> State:
        """Let any error of the state end the run, after what it holds is given back."""
        state.add_catch(self._abandon, errors=["States.ALL"], result_path="$.error")
        return state

    def for_each(
        self,
        name: str,
        plan: str,
        worker: lambda_.IFunction,
        *,
        report: s3.IBucket,
        concurrency: int,
        task: str,
        abandons: bool = True,
    ) -> sfn.Chain:
        """Call ``worker`` with each item of a JSON list in ``report``, in states ``task``; with none, pass on.

        At ``plan`` stand the list's ``key`` and its ``count``: a state itself holds 256 KiB. The map's label is its name.
        One item that fails ends the map, after its error was written to ``report``. ``abandons``: the run, too.
        """
        work = sfn.DistributedMap(
            self,
            name,
            label=name,
            map_execution_type=sfn.StateMachineType.STANDARD,
            max_concurrency=concurrency,
            item_reader=sfn.S3JsonItemReader(bucket=report, key=sfn.JsonPath.string_at(f"{plan}.key")),
            item_selector={
                "item": sfn.JsonPath.object_at("$$.Map.Item.Value"),
                # Inside, the context is that of the item's own execution.
                "execution": sfn.JsonPath.string_at("$.execution"),
            },
            result_writer_v2=sfn.ResultWriterV2(bucket=report, prefix=MAP_RESULTS.rstrip("/")),
            result_path=sfn.JsonPath.DISCARD,
        )
        step = retry_died(call(self, task, worker, input_path="$.item"))
        step.add_catch(record_failure(self, task, report), errors=["States.ALL"], result_path="$.error")
        work.item_processor(step)
        some = sfn.Choice(self, f"Has{name}").when(
            sfn.Condition.number_greater_than(f"{plan}.count", 0), self.or_abandon(work) if abandons else work
        )
        return some.afterwards(include_otherwise=True)

    def invoke(self, name: str, step: str, result_path: str | None, **payload: Any) -> sfn.TaskStateBase:
        """``control`` with ``{"step": step, …}``; its answer goes to ``result_path`` (None: it is the whole output)."""
        request = sfn.TaskInput.from_object({"step": step, **payload})
        return retry_died(call(self, name, self._control, payload=request, result_path=result_path))
