"""Permissions and environment of each function."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from dataforge.postgres.roles import LOGINS
from dataforge.s3.keys import FAILURES
from dataforge.settings import MigrationSettings, read

Resources = dict[str, dict[str, dict[str, Any]]]
Granted = Callable[[Resources, str], set[tuple[str, str]]]
Find = Callable[[Resources, str], dict[str, Any]]

LOGIN = "arn:<AWS::Partition>:rds-db:<AWS::Region>:<AWS::AccountId>:dbuser:<DatabasePostgres.DbiResourceId>"
TRACES = {("xray:PutTelemetryRecords", "*"), ("xray:PutTraceSegments", "*")}
ATTACH = {
    (f"ec2:{action}", "*")
    for action in (
        "AssignPrivateIpAddresses",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "UnassignPrivateIpAddresses",
    )
}


def own_log(name: str) -> set[tuple[str, str]]:
    return {(f"logs:{action}", f"<{name}Logs.Arn>") for action in ("CreateLogStream", "PutLogEvents")}


def put(*places: str) -> set[tuple[str, str]]:
    return {(f"s3:{action}", place) for action in ("AbortMultipartUpload", "PutObject") for place in places}


READ_RAW = {("s3:ListBucket", "<StorageRaw.Arn>"), ("s3:GetObject", "<StorageRaw.Arn>/*")}


def test_load_may_only_read_files_record_progress_and_log_in_with_its_role(
    dev: Resources, granted: Granted
) -> None:
    assert granted(dev, "MigrateLoadRole") == (
        READ_RAW
        | put("<StorageReport.Arn>/progress/*", "<StorageReport.Arn>/rejections/*")
        | {("rds-db:connect", f"{LOGIN}/dataforge_load")}
        | own_log("MigrationMigrateLoad")
        | TRACES
        | ATTACH
    )


def test_control_may_write_reports_and_read_recorded_failures_but_not_touch_backups(
    dev: Resources, granted: Granted
) -> None:
    assert granted(dev, "MigrateControlRole") == (
        READ_RAW
        | {("s3:ListBucket", "<StorageReport.Arn>"), ("s3:GetObject", f"<StorageReport.Arn>/{FAILURES}*")}
        | put(
            "<StorageReport.Arn>/runs/*", "<StorageReport.Arn>/progress/*", "<StorageReport.Arn>/rejections/*"
        )
        | {
            ("s3:GetObjectVersion", "<StorageRaw.Arn>/*"),
            ("s3:GetObject", "<StorageReport.Arn>/rejections/*"),
            ("rds-db:connect", f"{LOGIN}/dataforge_migrate"),
            ("sqs:SendMessage", "<MigrationDeadLetters.Arn>"),
        }
        | own_log("MigrationMigrateControl")
        | TRACES
        | ATTACH
    )


def test_schema_deployer_reads_the_master_secret_invokes_apply_starts_the_upkeep_and_limits_keys(
    dev: Resources, granted: Granted
) -> None:
    assert granted(dev, "SchemaKeeperRole") == (
        {
            ("secretsmanager:DescribeSecret", "<DatabasePostgresSecretAttachment>"),
            ("secretsmanager:GetSecretValue", "<DatabasePostgresSecretAttachment>"),
            ("lambda:InvokeFunction", "<SchemaSchemaApply.Arn>"),
            ("states:StartExecution", "<SchemaUpkeepMachine>"),
            ("s3:DeleteObject", "<StorageReport.Arn>/keys/*"),
            ("cloudformation:DescribeStacks", "<AWS::StackId>"),
        }
        | put("<StorageReport.Arn>/keys/*")
        | own_log("SchemaSchemaKeeper")
        | TRACES
    )


def test_upkeep_may_only_read_the_master_secret_and_invoke_apply(dev: Resources, granted: Granted) -> None:
    assert granted(dev, "SchemaUpkeepRole") == (
        {
            ("secretsmanager:DescribeSecret", "<DatabasePostgresSecretAttachment>"),
            ("secretsmanager:GetSecretValue", "<DatabasePostgresSecretAttachment>"),
            ("lambda:InvokeFunction", "<SchemaSchemaApply.Arn>"),
        }
        | own_log("SchemaUpkeepSchemaUpkeep")
        | TRACES
    )


def test_role_of_apply_has_no_permissions(dev: Resources, granted: Granted) -> None:
    assert granted(dev, "SchemaApplyRole") == own_log("SchemaSchemaApply") | TRACES | ATTACH


def test_with_secrets_each_function_reads_only_its_own(by_secret: Resources, granted: Granted) -> None:
    def secrets(role: str) -> set[str]:
        return {
            place for action, place in granted(by_secret, role) if action == "secretsmanager:GetSecretValue"
        }

    assert secrets("MigrateLoadRole") == {"<DatabaseSecretDataforgeLoad>"}
    assert secrets("MigrateControlRole") == {"<DatabaseSecretDataforgeMigrate>"}
    for name in ("Control", "Hold", "Work"):
        assert secrets(f"Backup{name}Role") == {"<DatabaseSecretDataforgeBackup>"}
    assert secrets("RestoreControlRole") == {"<DatabaseSecretDataforgeRestore>"}
    assert secrets("RestoreWorkRole") == {"<DatabaseSecretDataforgeRefill>"}
    assert secrets("IngestRole") == {"<DatabaseSecretDataforgeIngest>"}
    assert secrets("DeliverRole") == {"<DatabaseSecretDataforgeDeliver>"}
    assert secrets("ExportWorkRole") == {"<DatabaseSecretDataforgeExport>"}
    assert secrets("QualityWatchRole") == {"<DatabaseSecretDataforgeDeliver>"}
    assert secrets("SchemaApplyRole") == set()
    assert secrets("SchemaUpkeepRole") == {"<DatabasePostgresSecretAttachment>"}
    assert secrets("SchemaKeeperRole") == {
        "<DatabasePostgresSecretAttachment>",
        *(f"<DatabaseSecret{role.title().replace('_', '')}>" for role in LOGINS),
    }


def test_no_password_is_in_a_template(templates: dict[str, dict[str, Any]]) -> None:
    for template in templates.values():
        text = json.dumps(template)
        assert '"SecretString"' not in text
        instances = [r for r in template["Resources"].values() if r["Type"] == "AWS::RDS::DBInstance"]
        # Only the instance resolves a secret, with which it is created.
        assert text.count("resolve:secretsmanager:") == len(instances)


def test_environments_contain_only_names_and_addresses(templates: dict[str, dict[str, Any]]) -> None:
    for template in templates.values():
        for resource in template["Resources"].values():
            variables = resource["Properties"].get("Environment", {}).get("Variables", {})
            assert not [name for name in variables if re.search("PASSWORD|TOKEN|KEY", name)]
            assert "resolve:" not in json.dumps(variables)


@pytest.mark.parametrize("name", ["MigrateControl", "MigrateLoad"])
def test_environment_has_the_variables_of_the_functions_settings(
    dev: Resources, function: Find, name: str
) -> None:
    variables = function(dev, name)["Environment"]["Variables"]
    # References are resolved by CloudFormation to text; a port to digits.
    plain = {k: v if isinstance(v, str) else "5432" for k, v in variables.items()}
    settings = read(MigrationSettings, plain)
    assert settings.db_auth == "iam"
    assert settings.db_sslmode == "verify-full"
    assert settings.chunk_bytes == 16 * 2**20


def test_functions_of_the_embedded_cloud_connect_as_on_aws(
    dev: Resources, local: Resources, function: Find
) -> None:
    here, there = (function(stack, "MigrateLoad")["Environment"]["Variables"] for stack in (local, dev))
    assert {name: here[name] for name in here if name.startswith("DB_")} == {
        name: there[name] for name in there if name.startswith("DB_")
    }
    assert (here["DB_AUTH"], here["DB_SSLMODE"]) == ("iam", "verify-full")


def test_functions_run_on_arm64_traced_logged_and_without_reserved_concurrency(dev: Resources) -> None:
    for resource in dev["AWS::Lambda::Function"].values():
        properties = resource["Properties"]
        assert properties["Architectures"] == ["arm64"]
        assert properties["Runtime"] == "python3.13"
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert "LogGroup" in properties["LoggingConfig"]
        assert "ReservedConcurrentExecutions" not in properties


def test_functions_are_in_the_network_unless_they_call_apis_of_aws(dev: Resources, function: Find) -> None:
    inside = {
        name
        for name in ("SchemaApply", "MigrateControl", "MigrateLoad", "Ingest")
        if "VpcConfig" in function(dev, name)
    }
    assert inside == {"SchemaApply", "MigrateControl", "MigrateLoad", "Ingest"}
    assert "VpcConfig" not in function(dev, "SchemaKeeper")


def test_every_log_group_has_a_retention(templates: dict[str, dict[str, Any]]) -> None:
    days = {"dev": 30, "prod": 365, "local": 30, "existing": 30}
    for name, template in templates.items():
        groups = [r for r in template["Resources"].values() if r["Type"] == "AWS::Logs::LogGroup"]
        assert groups
        assert {group["Properties"]["RetentionInDays"] for group in groups} == {days[name]}
