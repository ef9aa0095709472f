"""State machines as resources: permissions, logs, and the release of stopped runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Resources = dict[str, dict[str, dict[str, Any]]]
Machine = Callable[[Resources, str], tuple[dict[str, Any], dict[str, Any]]]

KINDS = {
    "migration": ("MigrationMigrateControl", "MigrationMigrateLoad"),
    "backup": ("BackupBackupControl", "BackupBackupHold", "BackupBackupWork"),
    "restore": ("RestoreRestoreControl", "RestoreRestoreWork"),
}
"""The functions of each machine, the control function first."""


every_machine = pytest.mark.parametrize("kind", KINDS)


@every_machine
def test_machine_logs_errors_without_data_and_is_traced(dev: Resources, machine: Machine, kind: str) -> None:
    properties, definition = machine(dev, kind)
    logging = properties["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert definition["TimeoutSeconds"] == 24 * 3600


@pytest.mark.parametrize("kind", [*KINDS, "export", "upkeep"])
def test_log_groups_of_executions_have_the_vendedlogs_prefix_and_older_ones_are_retained(
    dev: Resources, machine: Machine, kind: str
) -> None:
    properties, _ = machine(dev, kind)
    (target,) = properties["LoggingConfiguration"]["Destinations"]
    used = target["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0]
    groups = {key[:-8]: group for key, group in dev["AWS::Logs::LogGroup"].items()}
    prefix, stack = groups[used[:-8]]["Properties"]["LogGroupName"]["Fn::Join"][1]
    assert prefix == f"/aws/vendedlogs/states/DataForge-dev-{kind}-"
    # A log group that remains from a deleted stack has another name.
    assert stack == {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    assert (f"{kind.title()}MachineLogs" in groups) == (kind != "upkeep")


@pytest.mark.parametrize("kind", [*KINDS, "export", "upkeep"])
def test_every_state_catches_errors_of_aws(
    dev: Resources, machine: Machine, all_states: Callable[[dict[str, Any]], dict[str, Any]], kind: str
) -> None:
    definition = machine(dev, kind)[1]
    for name, state in all_states(definition).items():
        if state["Type"] in {"Task", "Map", "Parallel"} and (
            name in definition["States"] or "Catch" in state
        ):
            *_, too_much, other = state["Catch"]
            # States.ALL does not match the first.
            assert too_much == {**other, "ErrorEquals": ["States.DataLimitExceeded"]}, name
            assert other["ErrorEquals"] == ["States.ALL"], name
    raw = [n for n, s in all_states(definition).items() if s.get("ErrorPath") == "$.error.Error"]
    inside = {f"{n}Failed" for n in all_states(definition) if n.endswith(("Chunk", "Part", "Piece", "File"))}
    assert set(raw) - inside == {"FailedRaw"}
    (reached,) = (n for n, s in definition["States"].items() if s.get("Default") == "FailedRaw")
    assert reached == "WhatFailed"


@every_machine
def test_distributed_maps_are_skipped_without_items_and_inline_maps_run_at_most_40_iterations(
    existing: Resources, machine: Machine, all_states: Callable[[dict[str, Any]], dict[str, Any]], kind: str
) -> None:
    states = all_states(machine(existing, kind)[1])
    for name, state in states.items():
        if state["Type"] != "Map":
            continue
        if state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED":
            (choice,) = states[f"Has{name}"]["Choices"]
            assert (choice["NumericGreaterThan"], choice["Next"]) == (0, name)
            assert state["MaxConcurrency"] == 250
        else:
            assert state["MaxConcurrency"] in {1, 40}


def test_upkeep_ends_before_its_history_is_full(dev: Resources, machine: Machine) -> None:
    definition = machine(dev, "upkeep")[1]
    # Wait entered and left, task entered, scheduled, started, succeeded and left, choice entered and left.
    assert 9 * definition["TimeoutSeconds"] / definition["States"]["Pause"]["Seconds"] < 25_000 - 4_000


@every_machine
def test_machine_may_only_use_its_functions_its_executions_and_the_report_bucket(
    dev: Resources, granted: Callable[[Resources, str], set[tuple[str, str]]], kind: str
) -> None:
    pairs = granted(dev, f"{kind.title()}Machine")
    assert {place for action, place in pairs if action.startswith("s3:")} == {
        "arn:<AWS::Partition>:s3:::<StorageReport>/*",
        "<StorageReport.Arn>/map-runs/failures/*",
    }
    invoked = {place.removesuffix(":*") for action, place in pairs if action == "lambda:InvokeFunction"}
    assert invoked == {f"<{name}.Arn>" for name in KINDS[kind]}
    services = {action.split(":")[0] for action, _ in pairs}
    assert services - {"kms"} == {"s3", "lambda", "states", "logs", "xray"}
    assert {
        action for action, place in pairs if place == "*" and not action.startswith(("logs:", "xray:"))
    } == set()


def test_machines_sign_and_verify_with_the_keys_of_their_purposes_only(
    dev: Resources, granted: Callable[[Resources, str], set[tuple[str, str]]]
) -> None:
    manifests, verifications = "<SigningManifests.Arn>", "<SigningVerifications.Arn>"
    used = {
        role: {pair for pair in granted(dev, role) if pair[0].startswith("kms:")}
        for role in ("BackupMachine", "RestoreMachine", "OperationsRole", "MigrationMachine", "ExportMachine")
    }
    signs = {("kms:GenerateMac", manifests), ("kms:VerifyMac", manifests)}
    assert used == {
        "BackupMachine": signs | {("kms:GenerateMac", verifications)},
        "RestoreMachine": signs,
        "OperationsRole": {("kms:VerifyMac", manifests), ("kms:VerifyMac", verifications)},
        "MigrationMachine": set(),
        "ExportMachine": set(),
    }


@every_machine
def test_stopped_run_is_released_and_a_failed_release_is_sent_to_the_dead_letter_queue(
    dev: Resources, kind: str
) -> None:
    (rule,) = (r for key, r in dev["AWS::Events::Rule"].items() if key.startswith(f"{kind.title()}Stopped"))
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert pattern["detail"]["stateMachineArn"][0]["Ref"].startswith(f"{kind.title()}Machine")
    (target,) = rule["Properties"]["Targets"]
    assert target["Arn"]["Fn::GetAtt"][0].startswith(KINDS[kind][0])
    assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith(f"{kind.title()}DeadLetters")
    # With error and cause, which may contain any characters.
    assert target["InputPath"] == "$.detail"


def test_asynchronously_called_functions_have_dead_letter_queues(dev: Resources) -> None:
    with_queue = {
        key[:-8] for key, f in dev["AWS::Lambda::Function"].items() if "DeadLetterConfig" in f["Properties"]
    }
    assert with_queue == {control for control, *_ in KINDS.values()}
    assert len(dev["AWS::SQS::Queue"]) == len(KINDS)
    assert all(
        queue["Properties"]["SqsManagedSseEnabled"] is True for queue in dev["AWS::SQS::Queue"].values()
    )
