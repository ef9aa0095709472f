"""The roles of people, and the condition keys of all policies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.iam.keys import SUPPLIED

Granted = Callable[[Any, str], set[tuple[str, str]]]


@pytest.mark.parametrize("role", ["PeopleViewer", "PeopleOperator"])
def test_people_read_the_history_of_items_of_maps_whose_failure_a_run_waits_for(
    dev: Any, granted: Granted, role: str
) -> None:
    found = {resource for action, resource in granted(dev, role) if action == "states:GetExecutionHistory"}
    assert {resource.partition(":execution:")[2] for resource in found} >= {
        "DataForge-dev-migration:*",
        "DataForge-dev-migration/*:*",
    }


def test_viewer_reads_no_records_and_changes_nothing(dev: Any, granted: Granted) -> None:
    found = granted(dev, "PeopleViewer")
    actions = {action for action, _ in found}
    assert actions == {
        "cloudformation:DescribeStacks",
        "states:ListExecutions",
        "states:DescribeExecution",
        "states:GetExecutionHistory",
        "states:ListMapRuns",
        "s3:ListBucket",
        "s3:GetObject",
        "kms:VerifyMac",
    }
    assert {resource for action, resource in found if action == "s3:GetObject"} == {
        "<StorageBackup.Arn>/*/manifest.json",
        "<StorageBackup.Arn>/*/manifest.sig.json",
        "<StorageBackup.Arn>/*/verification.json",
        "<StorageReport.Arn>/runs/*",
        "<StorageReport.Arn>/progress/*",
    }


def test_operator_starts_migrations_backups_and_restores_and_writes_source_files_only(
    dev: Any, granted: Granted
) -> None:
    found = granted(dev, "PeopleOperator")
    started = {resource.rpartition(":")[2] for action, resource in found if action == "states:StartExecution"}
    assert started == {"DataForge-dev-migration", "DataForge-dev-backup", "DataForge-dev-restore"}
    written = {resource for action, resource in found if re.match(r"s3:(Put|Delete|Abort)", action)}
    assert written == {"<StorageRaw.Arn>/*"}
    assert {resource for action, resource in found if action == "lambda:InvokeFunction"} == {
        "<SchemaSchemaKeeper.Arn>"
    }


def test_roles_of_people_are_assumed_within_the_account_only(dev: Any) -> None:
    trusts = [
        role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for name, role in dev["AWS::IAM::Role"].items()
        if name.startswith("People")
    ]
    assert len(trusts) == 2
    for (statement,) in trusts:
        assert "iam::" in json.dumps(statement["Principal"])
        assert ":root" in json.dumps(statement["Principal"])


def test_embedded_cloud_supplies_every_condition_key_of_the_policies(
    templates: dict[str, dict[str, Any]],
) -> None:
    supplied = {key.lower() for key in SUPPLIED}
    for name in ("dev", "local"):
        assert {key for key in condition_keys(templates[name]) if key.lower() not in supplied} == set()


def condition_keys(node: Any) -> Iterator[str]:
    """The condition keys of all statements of policies in a document."""
    if isinstance(node, dict):
        if node.get("Effect") in ("Allow", "Deny"):
            yield from (key for keys in node.get("Condition", {}).values() for key in keys)
        for value in node.values():
            yield from condition_keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from condition_keys(value)
