"""The definition of the migration's state machine: retries and failures of every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataforge.aws.situations import SITUATIONS

Resources = dict[str, dict[str, dict[str, Any]]]
States = dict[str, dict[str, Any]]
Machine = Callable[[Resources, str], tuple[dict[str, Any], dict[str, Any]]]

TRANSIENT = {
    "Unavailable",
    "Busy",
    "OutOfMemory",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
}
DIED = {"Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError", "States.Timeout"}
CONTROL = {"Begin", "BeginAgain", "Plan", "Cut", "SettleTable", "Reconcile", "Publish", "Report", "Abandon"}
CONTROL |= {"Explain"}
STEPS = CONTROL | {"ScanChunk", "LoadChunk"}
RECORD = {"ScanChunkCaught", "LoadChunkCaught"}
TO_ABANDON = [
    {"ErrorEquals": [name], "ResultPath": "$.error", "Next": "Abandon"}
    for name in ("States.DataLimitExceeded", "States.ALL")
]


@pytest.fixture(scope="module")
def definition(dev: Resources, machine: Machine) -> dict[str, Any]:
    """The definition with references as their logical ids."""
    return machine(dev, "migration")[1]


@pytest.fixture(scope="module")
def states(definition: dict[str, Any], all_states: Callable[[dict[str, Any]], States]) -> States:
    """All states, also those inside maps."""
    return all_states(definition)


def errors(state: dict[str, Any]) -> list[set[str]]:
    return [set(retry["ErrorEquals"]) for retry in state["Retry"]]


def test_every_task_is_a_known_step_or_describes_the_other_execution(states: States) -> None:
    assert {name for name, state in states.items() if state["Type"] == "Task"} == (
        STEPS | RECORD | {"DescribeHolder", "StartWorker1", "StartWorker2"}
    )


@pytest.mark.parametrize("name", sorted(STEPS))
def test_step_is_retried_on_temporary_errors_only(states: States, name: str) -> None:
    continues = [{"WorkContinues"}] if name in ("SettleTable", "Reconcile", "Publish") else []
    patient = [{"BackupRunning"}] if name == "Publish" else []
    assert errors(states[name]) == [TRANSIENT, DIED, *continues, *patient]
    first = states[name]["Retry"][0]
    assert first["JitterStrategy"] == "FULL"
    assert (first["BackoffRate"], first["MaxAttempts"], first["MaxDelaySeconds"]) == (2, 6, 60)


@pytest.mark.parametrize("name", sorted(STEPS))
def test_time_out_of_a_step_is_a_minute_longer_than_that_of_its_function(states: States, name: str) -> None:
    assert states[name]["TimeoutSeconds"] == 16 * 60


@pytest.mark.parametrize(
    "name",
    ["Begin", "BeginAgain", "DescribeHolder", "Plan", "Scan", "Cut", "Load", "Settle", "Reconcile", "Report"],
)
def test_any_error_is_explained(states: States, name: str) -> None:
    assert states[name]["Catch"][-2:] == TO_ABANDON


def test_publish_resolves_or_loads_again_when_the_target_changed(states: States) -> None:
    assert states["Publish"]["Catch"] == [
        {"ErrorEquals": ["TargetChanged"], "ResultPath": "$.changed", "Next": "Settle"},
        {"ErrorEquals": ["NoLongerKnown"], "ResultPath": "$.changed", "Next": "Cut"},
        *TO_ABANDON,
    ]
    assert states["Settle"]["Catch"][0] == {
        "ErrorEquals": ["NoLongerKnown"],
        "ResultPath": "$.changed",
        "Next": "Cut",
    }


def test_failure_is_explained_by_abandon_else_by_explain_else_by_states(states: States) -> None:
    assert states["Abandon"]["Next"] == "Failed"
    assert states["Failed"] == {
        "Type": "Fail",
        "ErrorPath": "$.failure.error",
        "CausePath": "$.failure.cause",
    }
    assert {catch["Next"] for catch in states["Abandon"]["Catch"]} == {"Explain"}
    assert states["Explain"]["Next"] == "Failed"
    assert states["Explain"]["Parameters"]["error.$"] == "$.error"
    assert {catch["Next"] for catch in states["Explain"]["Catch"]} == {"WhatFailed"}
    assert states["FailedRaw"] == {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"}


def test_states_fail_with_the_codes_of_the_functions(states: States) -> None:
    for situation in SITUATIONS:
        names = {
            rule["StringEquals"]
            for choice in states["WhatFailed"]["Choices"]
            if choice["Next"] == f"Failed{situation.code}"
            for rule in choice.get("Or", [choice])
        }
        assert names == set(situation.names)
        failed = states[f"Failed{situation.code}"]
        assert (failed["Error"], failed["Cause"]) == (situation.code, situation.cause)
    *_, other = states["WhatFailed"]["Choices"]
    assert (other["StringMatches"], other["Next"]) == ("*.*", "FailedUnexpected")


@pytest.mark.parametrize("name", ["ScanChunk", "LoadChunk"])
def test_error_of_a_worker_is_written_to_s3_before_its_item_fails(states: States, name: str) -> None:
    for catch in states[name]["Catch"]:
        assert (catch["ResultPath"], catch["Next"]) == ("$.error", f"{name}Caught")
    record = states[f"{name}Caught"]
    assert record["Parameters"]["Key.$"] == "States.Format('map-runs/failures/{}.json', $.execution)"
    assert record["Parameters"]["Body.$"] == "$.error"
    assert record["ResultPath"] is None
    assert record["Next"] == record["Catch"][0]["Next"] == f"{name}Failed"
    assert states[f"{name}Failed"] == {
        "Type": "Fail",
        "ErrorPath": "$.error.Error",
        "CausePath": "$.error.Cause",
    }


def test_run_is_refused_while_another_runs_and_begins_again_when_it_has_ended_or_does_not_exist(
    states: States,
) -> None:
    assert states["IsHeld"]["Choices"] == [{"Variable": "$.run.holder", "StringEquals": "", "Next": "Plan"}]
    assert states["IsHeld"]["Default"] == "DescribeHolder"
    gone, *_ = states["DescribeHolder"]["Catch"]
    assert gone["Next"] == "BeginAgain"
    assert {"Sfn.ExecutionDoesNotExistException", "Sfn.InvalidArnException"} <= set(gone["ErrorEquals"])
    assert "States.ALL" not in gone["ErrorEquals"]
    (alive,) = states["IsAlive"]["Choices"]
    assert (alive["StringEquals"], alive["Next"], states["IsAlive"]["Default"]) == (
        "RUNNING",
        "Refused",
        "BeginAgain",
    )
    assert states["Refused"]["Error"] == "AlreadyRunning"
    assert "$.run.holder" in states["Refused"]["CausePath"]


def test_machine_has_a_time_out(definition: dict[str, Any]) -> None:
    assert definition["TimeoutSeconds"] == 24 * 3600


def test_input_of_any_shape_becomes_an_object(definition: dict[str, Any], states: States) -> None:
    assert definition["StartAt"] == "Start"
    assert states["Start"] == {
        "Type": "Pass",
        "Parameters": {"execution.$": "$$.Execution.Name"},
        "Next": "StartWorkers",
    }
    assert states["Begin"]["Parameters"]["input.$"] == "$$.Execution.Input"


def test_workers_start_before_there_is_work_and_a_failure_of_that_does_not_affect_the_run(
    states: States,
) -> None:
    early = states["StartWorkers"]
    assert [early["Next"], *(caught["Next"] for caught in early["Catch"])] == ["Begin"] * 3
    calls = [state for branch in early["Branches"] for state in branch["States"].values()]
    assert [call["Parameters"]["InvocationType"] for call in calls] == ["Event", "Event"]
    assert all(call["Parameters"]["Payload"] == {"step": "start"} for call in calls)


@pytest.mark.parametrize(
    ("name", "count", "after"), [("Scan", "$.plan.scan.count", "Cut"), ("Load", "$.cut.count", "Settle")]
)
def test_map_is_skipped_for_an_empty_list(states: States, name: str, count: str, after: str) -> None:
    (some,) = states[f"Has{name}"]["Choices"]
    assert (some["Variable"], some["NumericGreaterThan"], some["Next"]) == (count, 0, name)
    assert states[f"Has{name}"]["Default"] == states[name]["Next"] == after


@pytest.mark.parametrize(("name", "key"), [("Scan", "$.plan.scan.key"), ("Load", "$.cut.key")])
def test_maps_read_chunks_from_s3_run_in_parallel_and_write_results_to_s3(
    states: States, name: str, key: str
) -> None:
    state = states[name]
    assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert state["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert state["ItemReader"]["Parameters"]["Key.$"] == key
    assert state["MaxConcurrency"] == 4
    assert state["ResultWriter"]["Parameters"]["Prefix"] == "map-runs"
    assert state["ResultPath"] is None
    assert state["ItemSelector"] == {"item.$": "$$.Map.Item.Value", "execution.$": "$.execution"}
    # The item is the payload: no Parameters.
    assert states[f"{name}Chunk"]["InputPath"] == "$.item"
    assert "Parameters" not in states[f"{name}Chunk"]


def test_waves_run_in_sequence_and_their_tables_in_parallel(states: States) -> None:
    assert (states["Settle"]["ItemsPath"], states["Settle"]["MaxConcurrency"]) == ("$.plan.waves", 1)
    assert (states["SettleWave"]["ItemsPath"], states["SettleWave"]["MaxConcurrency"]) == ("$.wave", 4)
    assert states["SettleTable"]["Parameters"] == {
        "step": "settle",
        "migration_id.$": "$.migration_id",
        "table.$": "$.table",
    }


def test_output_is_the_answer_of_report(states: States) -> None:
    assert states["Report"]["End"] is True
    assert "ResultPath" not in states["Report"]
