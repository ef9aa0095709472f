"""Backups as tables in Glue, with the setting ``glueDatabase``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from infra.services.glue import refuse_names
from infra.settings import SettingsError, read_settings

Resources = dict[str, dict[str, dict[str, Any]]]
Granted = Callable[[Resources, str], set[tuple[str, str]]]
Find = Callable[[Resources, str], dict[str, Any]]
Machine = Callable[[Resources, str], tuple[dict[str, Any], dict[str, Any]]]
GLUE = "arn:<AWS::Partition>:glue:<AWS::Region>:<AWS::AccountId>:"


@pytest.fixture(scope="module")
def with_glue(synthesize: Callable[..., dict[str, Any]]) -> Resources:
    found: Resources = {}
    for name, resource in synthesize(glueDatabase="lake")["Resources"].items():
        found.setdefault(resource["Type"], {})[name] = resource
    return found


def test_template_has_no_glue_resources_without_the_setting(templates: dict[str, dict[str, Any]]) -> None:
    for template in templates.values():
        assert "glue" not in json.dumps(template).lower()


def test_each_dataset_has_a_database(with_glue: Resources) -> None:
    databases = [r["Properties"]["DatabaseInput"]["Name"] for r in with_glue["AWS::Glue::Database"].values()]
    assert sorted(databases) == sorted(f"lake_{dataset}" for dataset in DATASETS)


def test_function_may_only_read_manifests_and_change_its_tables(
    with_glue: Resources, granted: Granted
) -> None:
    pairs = granted(with_glue, "GlueRegisterRole")
    places = {f"{GLUE}catalog"}
    for name, dataset in DATASETS.items():
        places |= {f"{GLUE}database/lake_{name}", *(f"{GLUE}table/lake_{name}/{t}" for t in dataset.tables)}
    actions = {"glue:GetTable", "glue:CreateTable", "glue:UpdateTable", "glue:GetPartitions"}
    assert {pair for pair in pairs if pair[0].startswith("glue:")} == {
        (a, p) for a in actions for p in places
    }
    assert {pair for pair in pairs if pair[0].startswith("s3:")} == {
        ("s3:ListBucket", "<StorageBackup.Arn>"),
        ("s3:GetObject", "<StorageBackup.Arn>/*/manifest.json"),
    }
    assert {action.split(":")[0] for action, _ in pairs} == {"glue", "s3", "logs", "xray"}


def test_function_is_outside_the_network_with_its_own_layers(with_glue: Resources, function: Find) -> None:
    found = function(with_glue, "GlueRegister")
    assert "VpcConfig" not in found
    others = [f["Properties"]["Layers"] for f in with_glue["AWS::Lambda::Function"].values()]
    assert max(len(layers) for layers in others) == len(found["Layers"]) == 4
    assert sum(found["Layers"][-1] in layers for layers in others) == 1
    assert found["Environment"]["Variables"]["GLUE_DATABASE"] == "lake"


def test_verified_backup_is_registered_before_the_leases_are_released(
    with_glue: Resources, machine: Machine
) -> None:
    states = machine(with_glue, "backup")[1]["States"]
    assert (states["StoreVerification"]["Next"], states["Register"]["Next"]) == ("Register", "Close")
    assert states["Register"]["Parameters"] == {
        "dataset.$": "$.run.dataset",
        "backup_id.$": "$.run.backup_id",
        "manifest.$": "$.verification.manifest",
    }
    assert states["Register"]["Catch"][0]["Next"] == "Abandon"
    assert [len(retry["ErrorEquals"]) > 2 for retry in states["Register"]["Retry"]] == [True, True]
    # An unverified backup is not registered, because it may expire.
    assert states["IsVerificationWanted"]["Default"] == "Close"


def test_invalid_glue_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="glueDatabase"):
        read_settings({"glueDatabase": "My-Lake"})


def test_dataset_that_athena_cannot_read_is_refused(kitchen: Dataset) -> None:
    with pytest.raises(SettingsError, match="'Gültige_Erststimmen"):
        refuse_names([kitchen])
    refuse_names(DATASETS.values())
