"""The restore's state machine, and the permissions of its functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataforge.tables.datasets import DATASETS

Resources = dict[str, dict[str, dict[str, Any]]]
States = dict[str, dict[str, Any]]
Machine = Callable[[Resources, str], tuple[dict[str, Any], dict[str, Any]]]
Granted = Callable[[Resources, str], set[tuple[str, str]]]

STEPS = {
    "Begin",
    "BeginAgain",
    "Check",
    "LoadPiece",
    "SettleTable",
    "Compare",
    "BuildTable",
    "LinkTable",
    "Switch",
    "PlanKeep",
}
STEPS |= {"KeepPiece", "Finish", "Abandon", "Explain", "SelectOlder", "WriteManifest", "FinishSigned"}
RECORD = {"LoadPieceCaught", "KeepPieceCaught"}
OBJECTS = "<StorageBackup.Arn>"


@pytest.fixture(scope="module")
def states(dev: Resources, machine: Machine, all_states: Callable[[dict[str, Any]], States]) -> States:
    """All states, also those inside maps."""
    return all_states(machine(dev, "restore")[1])


def test_every_task_is_a_known_step_or_describes_the_other_execution(states: States) -> None:
    assert {name for name, state in states.items() if state["Type"] == "Task"} == (
        STEPS | RECORD | {"VerifySignature", "SignManifest", "DescribeHolder"}
    )


CONTINUED = {"SettleTable", "Compare", "BuildTable", "LinkTable", "Switch"}


@pytest.mark.parametrize("name", sorted(STEPS))
def test_idempotent_step_is_retried_when_its_function_ended_without_an_answer(
    states: States, name: str
) -> None:
    transient, died, *others = (set(retry["ErrorEquals"]) for retry in states[name]["Retry"])
    assert others == ([{"WorkContinues"}] if name in CONTINUED else [])
    assert {"Busy", "OutOfMemory", "Unavailable"} <= transient
    assert {"Lambda.Unknown", "Sandbox.Timedout"} <= died


@pytest.mark.parametrize(
    "name",
    ["Begin", "Check", "Load", "Settle", "Compare", "Build", "Link", "Switch", "PlanKeep", "Keep", "Finish"],
)
def test_any_error_is_explained(states: States, name: str) -> None:
    assert {catch["Next"] for catch in states[name]["Catch"]} == {"Abandon"}


def test_dry_run_ends_after_the_comparison_and_new_tables_are_built_before_the_swap(states: States) -> None:
    assert states["Compare"]["Next"] == "HowToGoOn"
    ways = {choice["StringEquals"]: choice["Next"] for choice in states["HowToGoOn"]["Choices"]}
    assert ways == {"finish": "Finish", "build": "Build"}
    assert states["HowToGoOn"]["Default"] == states["Link"]["Next"] == "Switch"
    assert states["Build"]["Next"] == "Link"
    assert (states["Switch"]["Next"], states["PlanKeep"]["Next"]) == ("PlanKeep", "HasKeep")


def test_maps_are_skipped_without_rows_to_save_or_files_to_load(states: States) -> None:
    for name, after in (("Keep", "WriteManifest"), ("Load", "Settle")):
        assert states[f"Has{name}"]["Choices"][0]["Next"] == name
        assert states[f"Has{name}"]["Default"] == states[name]["Next"] == after


def test_resumed_restore_only_writes_its_safety_backup(states: States) -> None:
    resumes, signed = states["IsSwitched"]["Choices"]
    assert (resumes["Variable"], resumes["StringEquals"], resumes["Next"]) == (
        "$.run.next",
        "keep",
        "PlanKeep",
    )
    assert (signed["Variable"], signed["Next"]) == ("$.run.signed", "VerifySignature")
    assert states["IsSwitched"]["Default"] == states["VerifySignature"]["Next"] == "Check"


def test_backup_whose_signature_is_not_valid_is_never_checked(states: States) -> None:
    invalid, _, other = states["VerifySignature"]["Catch"]
    assert all(name.lower() == "kms.kmsinvalidmacexception" for name in invalid["ErrorEquals"])
    assert (invalid["Next"], other["ErrorEquals"], other["Next"]) == (
        "SelectOlder",
        ["States.ALL"],
        "Abandon",
    )
    assert states["SelectOlder"]["Next"] == "VerifySignature"


def test_safety_backup_is_signed_before_the_replaced_tables_are_dropped(states: States) -> None:
    chain = ["WriteManifest", "SignManifest", "FinishSigned"]
    assert [states[name].get("Next") for name in chain] == [*chain[1:], None]


def test_migrations_and_restores_exclude_each_other(dev: Resources, granted: Granted) -> None:
    for kind in ("Migration", "Restore"):
        described = {p for a, p in granted(dev, f"{kind}Machine") if a == "states:DescribeExecution"}
        assert {
            place.rpartition("DataForge-dev-")[2] for place in described if "DataForge-dev-" in place
        } == {
            "migration:*",
            "restore:*",
        }


@pytest.mark.parametrize("role", ["RestoreControlRole", "RestoreWorkRole"])
def test_functions_may_read_backups_and_write_only_their_own_kinds_of_objects_but_not_delete(
    dev: Resources, granted: Granted, role: str
) -> None:
    found = {pair for pair in granted(dev, role) if pair[0].startswith("s3:") and OBJECTS in pair[1]}
    read = {("s3:ListBucket", OBJECTS), ("s3:GetObject", f"{OBJECTS}/*")}
    assert found - read == {
        (f"s3:{action}", f"{OBJECTS}/{dataset}/*/{name}")
        for dataset in DATASETS
        for action, name in (
            [("PutObject", "manifest.json"), ("PutObject", "manifest.sig.json")]
            if role == "RestoreControlRole"
            else [("PutObject", "part-*"), ("AbortMultipartUpload", "part-*")]
        )
    }
    assert not any("Raw" in place for _, place in granted(dev, role))


def test_only_control_may_write_work_lists(dev: Resources, granted: Granted) -> None:
    places = {
        role: {p for a, p in granted(dev, role) if "StorageReport" in p}
        for role in ("RestoreControlRole", "RestoreWorkRole")
    }
    assert places == {
        "RestoreControlRole": {
            "<StorageReport.Arn>",
            "<StorageReport.Arn>/runs/*",
            "<StorageReport.Arn>/map-runs/failures/*",
        },
        "RestoreWorkRole": set(),
    }
