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
from infra.steps import call, retry_died
from infra.storage import MAP_RESULTS

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
        # Whatever the caller sent, and be it a list, the state is an object with no field of his in it.
        return sfn.Pass(self, "Start", result=sfn.Result.from_object({})).next(begin).next(held)

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
        cause = sfn.JsonPath.format("The tables are held by {}. Wait until it is over, or stop it.", HOLDER)
        return sfn.Fail(self, "Refused", error=AlreadyRunning.__name__, cause_path=cause)

    def _explain_failure(self) -> sfn.TaskStateBase:
        """Release what the run holds and put the error into words; should that fail too, the first error stands."""
        error = sfn.JsonPath.object_at("$.error")
        abandon = self.invoke("Abandon", "abandon", "$.failure", execution=EXECUTION, error=error)
        raw = sfn.Fail(self, "FailedRaw", error_path="$.error.Error", cause_path="$.error.Cause")
        abandon.add_catch(raw, errors=["States.ALL"], result_path="$.abandon")
        abandon.next(sfn.Fail(self, "Failed", error_path="$.failure.error", cause_path="$.failure.cause"))
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
        items: str,
        worker: lambda_.IFunction,
        *,
        report: s3.IBucket,
        concurrency: int,
        task: str,
    ) -> sfn.DistributedMap:
        """Call ``worker`` with each item of the JSON list whose key in ``report`` stands at ``items``, in states ``task``.

        A state itself holds 256 KiB. The map's label is its name; its errors are not caught here.
        """
        work = sfn.DistributedMap(
            self,
            name,
            label=name,
            map_execution_type=sfn.StateMachineType.STANDARD,
            max_concurrency=concurrency,
            item_reader=sfn.S3JsonItemReader(bucket=report, key=sfn.JsonPath.string_at(items)),
            result_writer_v2=sfn.ResultWriterV2(bucket=report, prefix=MAP_RESULTS.rstrip("/")),
            result_path=sfn.JsonPath.DISCARD,
        )
        work.item_processor(retry_died(call(self, task, worker)))
        return work

    def invoke(self, name: str, step: str, result_path: str | None, **payload: Any) -> sfn.TaskStateBase:
        """``control`` with ``{"step": step, …}``; its answer goes to ``result_path`` (None: it is the whole output)."""
        request = sfn.TaskInput.from_object({"step": step, **payload})
        return retry_died(call(self, name, self._control, payload=request, result_path=result_path))
