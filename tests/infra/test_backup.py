"""The backup's state machine, its schedules, and the permissions of its functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from dataforge.tables.datasets import DATASETS
from infra.backup.schedule import schedule_ids

Resources = dict[str, dict[str, dict[str, Any]]]
States = dict[str, dict[str, Any]]
Machine = Callable[[Resources, str], tuple[dict[str, Any], dict[str, Any]]]
Granted = Callable[[Resources, str], set[tuple[str, str]]]

HOLDS = {"HoldAFirst", "HoldAAgain", "HoldBFirst", "HoldBAgain"}
STEPS = {
    "Begin",
    "BeginAgain",
    "Plan",
    "WritePart",
    "Finish",
    "PlanChecks",
    "CheckFile",
    "RestoreScratch",
    "Judge",
}
STEPS |= {"Close", "Abandon", "Explain", "StoreSignature", "RefuseSignature", "StoreVerification"} | HOLDS
SIGNATURES = {"SignManifest", "VerifySignature", "SignVerification"}
RECORD = {"WritePartCaught", "CheckFileCaught"}
OBJECTS = "<StorageBackup.Arn>"


@pytest.fixture(scope="module")
def definition(dev: Resources, machine: Machine) -> dict[str, Any]:
    return machine(dev, "backup")[1]


@pytest.fixture(scope="module")
def states(definition: dict[str, Any], all_states: Callable[[dict[str, Any]], States]) -> States:
    """All states, also those inside maps and branches."""
    found = all_states(definition)
    for branch in definition["States"]["BackUp"]["Branches"]:
        found |= all_states(branch)
    return found


def test_every_task_is_a_known_step_or_describes_the_other_execution(states: States) -> None:
    assert {name for name, state in states.items() if state["Type"] == "Task"} == (
        STEPS | RECORD | SIGNATURES | {"DescribeHolder"}
    )


@pytest.mark.parametrize("name", sorted(STEPS))
def test_step_is_retried_on_temporary_errors_and_when_its_function_ended_without_an_answer(
    states: States, name: str
) -> None:
    transient, died = (set(retry["ErrorEquals"]) for retry in states[name]["Retry"])
    assert {"Busy", "OutOfMemory", "Unavailable"} <= transient
    assert {"Lambda.Unknown", "Sandbox.Timedout"} <= died


@pytest.mark.parametrize(
    "name", ["Begin", "BackUp", "PlanChecks", "Check", "RestoreScratch", "Judge", "Close"]
)
def test_any_error_is_explained(states: States, name: str) -> None:
    assert {catch["Next"] for catch in states[name]["Catch"]} == {"Abandon"}


def test_files_are_written_while_two_exporters_whose_calls_end_at_different_times_hold_the_snapshot(
    definition: dict[str, Any], states: States
) -> None:
    branches = definition["States"]["BackUp"]["Branches"]
    assert [branch["StartAt"] for branch in branches] == ["Plan", "HoldAFirst", "HoldBFirst"]
    lives = {name: states[name]["Parameters"]["seconds"] for name in HOLDS}
    assert lives["HoldAAgain"] == lives["HoldBAgain"] == lives["HoldBFirst"] == 2 * lives["HoldAFirst"]
    # Lambda's time-out is 15 minutes; before it, an exporter has to withdraw the snapshot's id.
    assert max(lives.values()) < 14 * 60
    for name in "AB":
        (done,) = states[f"IsHold{name}Done"]["Choices"]
        assert (done["BooleanEquals"], done["Next"]) == (True, f"Hold{name}Done")
        assert states[f"IsHold{name}Done"]["Default"] == f"Hold{name}Again"
        assert states[f"Hold{name}Again"]["Next"] == f"IsHold{name}Done"


def test_input_selects_backup_verification_or_both(states: States) -> None:
    choices = [(choice["Variable"], choice["Next"]) for choice in states["IsBackupWanted"]["Choices"]]
    assert choices == [("$.run.backup", "BackUp"), ("$.run.signed", "VerifySignature")]
    assert states["IsBackupWanted"]["Default"] == states["VerifySignature"]["Next"] == "PlanChecks"
    (verify,) = states["IsVerificationWanted"]["Choices"]
    assert (verify["Next"], states["IsVerificationWanted"]["Default"]) == ("PlanChecks", "Close")
    following = ("PlanChecks", "Check", "RestoreScratch", "Judge", "SignVerification", "StoreVerification")
    assert [states[name]["Next"] for name in following] == [
        "HasCheck",
        "RestoreScratch",
        "Judge",
        "SignVerification",
        "StoreVerification",
        "Close",
    ]
    assert states["Close"]["End"] is True


def test_each_dataset_is_backed_up_and_verified_daily(dev: Resources, granted: Granted) -> None:
    schedules = [schedule["Properties"] for schedule in dev["AWS::Scheduler::Schedule"].values()]
    inputs = [json.loads(schedule["Target"]["Input"]) for schedule in schedules]
    assert sorted(inputs, key=str) == [
        {"dataset": "olist", "verify": True},
        {"dataset": "quotes", "verify": True},
    ]
    assert {schedule["ScheduleExpression"] for schedule in schedules} == {
        "cron(15 2 * * ? *)",
        "cron(15 4 * * ? *)",
    }
    assert all(schedule["Target"]["DeadLetterConfig"] for schedule in schedules)
    assert granted(dev, "SchedulerRole") == {
        ("states:StartExecution", "<BackupMachine>"),
        ("sqs:SendMessage", "<BackupDeadLetters.Arn>"),
    }


def test_schedules_are_changed_and_disabled_by_dataset(
    synthesize: Callable[..., dict[str, Any]], local: Resources
) -> None:
    template = synthesize(backupSchedules={"olist": "rate(6 hours)", "quotes": "off"})
    found = [
        r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Scheduler::Schedule"
    ]
    assert [schedule["ScheduleExpression"] for schedule in found] == ["rate(6 hours)"]
    assert "AWS::Scheduler::Schedule" not in local


def test_functions_may_write_backups_and_only_control_may_delete_them(
    dev: Resources, granted: Granted
) -> None:
    control, hold, work = (granted(dev, f"Backup{name}Role") for name in ("Control", "Hold", "Work"))
    assert not any(action.startswith("s3:") for action, _ in hold)
    folders = {f"{OBJECTS}/{dataset}/*" for dataset in DATASETS}
    deletes = {
        (action, place) for action, place in control if "Delete" in action and action.startswith("s3:")
    }
    assert deletes == {("s3:DeleteObject", folder) for folder in folders}
    assert not any("Delete" in action for action, _ in work if action.startswith("s3:"))
    for pairs in (control, work):
        read = {place for action, place in pairs if action == "s3:GetObject"}
        assert read - {"<StorageReport.Arn>/map-runs/failures/*"} == {f"{OBJECTS}/*"}
    parts = {f"{OBJECTS}/{dataset}/*/part-*" for dataset in DATASETS}
    assert {place for action, place in work if action == "s3:PutObject"} == parts
    documents = {
        f"{OBJECTS}/{dataset}/*/{name}.json"
        for dataset in DATASETS
        for name in ("manifest", "manifest.sig", "verification")
    }
    assert {place for action, place in control if action == "s3:PutObject"} == documents | {
        "<StorageReport.Arn>/runs/*"
    }


def test_objects_are_locked_with_the_setting(
    dev: Resources, synthesize: Callable[..., dict[str, Any]]
) -> None:
    def lock(resources: dict[str, Any]) -> list[Any]:
        return [
            b["Properties"].get("ObjectLockConfiguration")
            for k, b in resources.items()
            if k.startswith("StorageBackup")
        ]

    assert lock(dev["AWS::S3::Bucket"]) == [None]
    buckets = {
        k: r for k, r in synthesize(backupLockDays=30)["Resources"].items() if r["Type"] == "AWS::S3::Bucket"
    }
    (found,) = lock(buckets)
    assert found["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 30}


def test_only_new_production_stacks_lock_their_backups_by_default(
    templates: dict[str, dict[str, Any]], synthesize: Callable[..., dict[str, Any]]
) -> None:
    def of(template: dict[str, Any]) -> list[Any]:
        found = template["Resources"].values()
        return [r["Properties"] for r in found if r["Type"] == "Custom::DataForgeBackupLock"]

    (lock,) = of(templates["prod"])
    assert lock["Days"] == "35"
    assert lock["Bucket"]["Ref"].startswith("StorageBackup")
    assert templates["prod"]["Outputs"]["BackupLock"]["Value"]["Fn::GetAtt"][1] == "State"
    # The template itself is equal for new and existing stacks, and CloudFormation replaces a bucket that it locks.
    (bucket,) = (
        r["Properties"]
        for key, r in templates["prod"]["Resources"].items()
        if re.match("StorageBackup.{8}$", key)
    )
    assert "ObjectLockEnabled" not in bucket
    for others in (templates["dev"], synthesize(stage="prod", backupLockDays=0)):
        assert of(others) == []
        assert "BackupLock" not in others["Outputs"]


def test_schedules_of_datasets_with_similar_names_have_different_ids() -> None:
    names = ["a_1b", "a1b", "a__1b", "a1_b", "olist", "quotes"]
    ids = schedule_ids(names)
    assert len({*ids.values()}) == len(names)
    assert (ids["olist"], ids["a__1b"]) == ("ScheduleOlist", "ScheduleA1B")
