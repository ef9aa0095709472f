"""PostgreSQL: access, encryption, and protection from deletion."""

from __future__ import annotations

from typing import Any

import pytest

Resources = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture
def dev_instance(dev: Resources) -> dict[str, Any]:
    (instance,) = dev["AWS::RDS::DBInstance"].values()
    return instance


@pytest.fixture
def prod_instance(prod: Resources) -> dict[str, Any]:
    (instance,) = prod["AWS::RDS::DBInstance"].values()
    return instance


def test_instance_is_postgresql_18_encrypted_and_private(dev_instance: dict[str, Any]) -> None:
    properties = dev_instance["Properties"]
    assert (properties["Engine"], properties["EngineVersion"]) == ("postgres", "18")
    assert properties["StorageEncrypted"] is True
    assert properties["PubliclyAccessible"] is False
    assert properties["EnableIAMDatabaseAuthentication"] is True
    assert properties["CACertificateIdentifier"] == "rds-ca-rsa2048-g1"


def test_tls_is_forced_and_no_row_reaches_the_servers_log(dev: Resources) -> None:
    (group,) = dev["AWS::RDS::DBParameterGroup"].values()
    assert group["Properties"]["Family"] == "postgres18"
    assert group["Properties"]["Parameters"] == {
        "rds.force_ssl": "1",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_min_messages": "log",
    }


def test_instance_and_parameter_group_have_the_chosen_version(
    prod: Resources, prod_instance: dict[str, Any]
) -> None:
    (group,) = prod["AWS::RDS::DBParameterGroup"].values()
    assert prod_instance["Properties"]["EngineVersion"] == "16"
    assert group["Properties"]["Family"] == "postgres16"


def test_database_is_not_upgraded_to_another_major_version_by_a_deployment(
    dev_instance: dict[str, Any], prod_instance: dict[str, Any]
) -> None:
    assert dev_instance["Properties"]["AllowMajorVersionUpgrade"] is False
    assert prod_instance["Properties"]["AllowMajorVersionUpgrade"] is False


def test_master_password_is_generated(dev: Resources) -> None:
    (secret,) = dev["AWS::SecretsManager::Secret"].values()
    generated = secret["Properties"]["GenerateSecretString"]
    assert generated["GenerateStringKey"] == "password"
    assert generated["PasswordLength"] >= 30


def test_dev_instance_is_small_and_leaves_a_snapshot(dev_instance: dict[str, Any]) -> None:
    properties = dev_instance["Properties"]
    assert properties["MultiAZ"] is False
    assert properties["BackupRetentionPeriod"] == 7
    assert properties["DeletionProtection"] is False
    assert (dev_instance["DeletionPolicy"], dev_instance["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")


def test_prod_instance_is_multi_az_and_protected_from_deletion(prod_instance: dict[str, Any]) -> None:
    properties = prod_instance["Properties"]
    assert properties["MultiAZ"] is True
    assert properties["BackupRetentionPeriod"] == 35
    assert properties["DeleteAutomatedBackups"] is False
    policies = (prod_instance["DeletionPolicy"], prod_instance["UpdateReplacePolicy"])
    assert policies == ("RetainExceptOnCreate", "Retain")


@pytest.mark.parametrize(("stage", "first", "last"), [("dev", 20, 100), ("prod", 100, 2000)])
def test_storage_is_gp3_and_grows(
    templates: dict[str, dict[str, Any]], stage: str, first: int, last: int
) -> None:
    (instance,) = (r for r in templates[stage]["Resources"].values() if r["Type"] == "AWS::RDS::DBInstance")
    properties = instance["Properties"]
    assert (properties["StorageType"], properties["AllocatedStorage"]) == ("gp3", str(first))
    assert properties["MaxAllocatedStorage"] == last


def test_instance_is_patched_observed_and_logged(dev: Resources, dev_instance: dict[str, Any]) -> None:
    properties = dev_instance["Properties"]
    assert properties["AutoMinorVersionUpgrade"] is True
    assert properties["AllowMajorVersionUpgrade"] is False
    assert properties["EnablePerformanceInsights"] is True
    assert properties["EnableCloudwatchLogsExports"] == ["postgresql", "upgrade"]
    names = [group["Properties"].get("LogGroupName") for group in dev["AWS::Logs::LogGroup"].values()]
    assert {"/aws/rds/instance/dataforge-dev/postgresql", "/aws/rds/instance/dataforge-dev/upgrade"} <= {
        name for name in names if isinstance(name, str)
    }


def test_instance_has_a_fixed_name(dev_instance: dict[str, Any]) -> None:
    assert dev_instance["Properties"]["DBInstanceIdentifier"] == "dataforge-dev"


def test_no_instance_is_created_with_an_existing_database(existing: Resources) -> None:
    assert not [kind for kind in existing if kind.startswith("AWS::RDS::")]
    assert "AWS::SecretsManager::Secret" not in existing


def test_functions_have_the_address_of_the_existing_database(existing: Resources) -> None:
    environments = [
        f["Properties"]["Environment"]["Variables"]
        for key, f in existing["AWS::Lambda::Function"].items()
        if "Migrate" in key
    ]
    assert [(v["DB_HOST"], v["DB_PORT"], v["DB_NAME"]) for v in environments] == [
        ("db.example.com", "5432", "shop")
    ] * 2


def test_functions_log_in_to_an_existing_database_by_its_resource_id(
    existing: Resources, granted: Any
) -> None:
    logins = {place for action, place in granted(existing, "Migrate") if action == "rds-db:connect"}
    prefix = "arn:<AWS::Partition>:rds-db:<AWS::Region>:<AWS::AccountId>:dbuser:db-ABCDEFGHIJKLMNOP"
    assert logins == {f"{prefix}/dataforge_load", f"{prefix}/dataforge_migrate"}
