"""Permissions of the operations function: start and describe runs, read manifests and exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataforge.settings import OperationsSettings, read

Resources = dict[str, dict[str, dict[str, Any]]]
Granted = Callable[[Resources, str], set[tuple[str, str]]]

STATES = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"


def machines(action: str, *names: str) -> set[tuple[str, str]]:
    return {(f"states:{action}", f"{STATES}:stateMachine:DataForge-dev-{name}") for name in names}


@pytest.mark.parametrize(
    ("stack", "startable"), [("dev", ["backup", "export"]), ("local", ["backup", "restore", "export"])]
)
def test_function_may_only_start_describe_and_list_runs_and_read_manifests_and_exports(
    request: pytest.FixtureRequest, granted: Granted, stack: str, startable: list[str]
) -> None:
    assert granted(request.getfixturevalue(stack), "OperationsRole") == (
        machines("StartExecution", *startable)
        | machines("ListExecutions", "backup", "restore", "export")
        | {
            ("states:DescribeExecution", f"{STATES}:execution:DataForge-dev-{name}:*")
            for name in ("backup", "restore", "export")
        }
        | {("s3:ListBucket", f"<Storage{bucket}.Arn>") for bucket in ("Backup", "Report")}
        | {
            ("s3:GetObject", f"<StorageBackup.Arn>/*/{name}.json")
            for name in ("manifest", "manifest.sig", "verification")
        }
        | {("kms:VerifyMac", f"<Signing{key}.Arn>") for key in ("Manifests", "Verifications")}
        | {
            ("s3:GetObject", "<StorageReport.Arn>/exports/*"),
            ("s3:GetObject", "<StorageReport.Arn>/keys/*"),
            ("s3:GetObject", "<StorageBackup.Arn>/*.parquet"),
            ("s3:GetObjectVersion", "<StorageBackup.Arn>/*.parquet"),
        }
        | {
            (f"s3:{action}", "<StorageReport.Arn>/requests/*")
            for action in ("GetObject", "PutObject", "AbortMultipartUpload")
        }
        | {
            (f"logs:{action}", "<OperationsOperationsLogs.Arn>")
            for action in ("CreateLogStream", "PutLogEvents")
        }
        | {("lambda:InvokeFunction", "<DeliverAuditRecord.Arn>")}
        | {("xray:PutTelemetryRecords", "*"), ("xray:PutTraceSegments", "*")}
    )


def test_function_is_outside_the_vpc_and_has_the_time_out_of_the_gateway(
    dev: Resources, function: Callable[[Resources, str], dict[str, Any]]
) -> None:
    properties = function(dev, "Operations")
    assert "VpcConfig" not in properties
    assert properties["Timeout"] == 29


@pytest.mark.parametrize(("stack", "offered"), [("dev", False), ("prod", False), ("local", True)])
def test_restores_can_be_started_over_http_only_with_the_setting(
    request: pytest.FixtureRequest, function: Any, stack: str, offered: bool
) -> None:
    properties = function(request.getfixturevalue(stack), "Operations")
    variables = {
        name: value if isinstance(value, str) else "arn"
        for name, value in properties["Environment"]["Variables"].items()
    }
    assert read(OperationsSettings, variables).restore_api is offered


def test_environment_has_the_arns_of_the_stacks_machines(dev: Resources, function: Any) -> None:
    variables = function(dev, "Operations")["Environment"]["Variables"]
    names = {m["Properties"]["StateMachineName"] for m in dev["AWS::StepFunctions::StateMachine"].values()}
    for variable in ("BACKUP_ARN", "RESTORE_ARN", "EXPORT_ARN"):
        *_, last = variables[variable]["Fn::Join"][1]
        assert last.rpartition(":")[2] in names
