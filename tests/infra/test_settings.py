"""Settings: defaults of each stage, and errors that name each wrong key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.settings import SettingsError, read_settings
from infra.variants import EXISTING
from infra.workflow.history import most_backup_hours


def test_empty_context_is_a_small_dev_with_backups() -> None:
    settings = read_settings({})
    assert (settings.stage, settings.target, settings.auth) == ("dev", "aws", "iam")
    assert settings.stack_name == "DataForge-dev"
    assert (settings.instance_class, settings.backup_retention_days) == ("t4g.small", 7)
    assert settings.load_concurrency == 4


def test_backup_hours_that_could_exceed_the_execution_history_are_refused() -> None:
    most = most_backup_hours()
    # 7 events per 13 minutes and exporter; with one retry per call, 10.
    assert 2 * 10 * most * 60 / 13 <= 24_000 < 2 * 10 * (most + 1) * 60 / 13
    assert read_settings({"backupHours": most}).backup_hours == most
    with pytest.raises(SettingsError, match=f"backupHours must be at most {most}"):
        read_settings({"backupHours": most + 1})


def test_prod_is_multi_az_and_keeps_backups_for_35_days() -> None:
    settings = read_settings({"stage": "prod"})
    assert settings.production
    assert (settings.multi_az, settings.backup_retention_days, settings.load_concurrency) == (True, 35, 10)


def test_embedded_cloud_signs_in_as_aws_and_uses_two_load_steps() -> None:
    settings = read_settings({"target": "local"})
    assert (settings.auth, settings.load_concurrency) == ("iam", 2)


def test_context_overrides_defaults_and_may_be_text(
    existing_database: dict[str, Any],
) -> None:
    settings = read_settings(
        {
            "stage": "prod",
            "multiAz": "false",
            "chunkMegabytes": "32",
            "logRetentionDays": "90",
            "tags": '{"CostCentre": "42"}',
            "existingDatabase": json.dumps(existing_database),
        }
    )
    assert (settings.multi_az, settings.chunk_megabytes, settings.log_retention_days) == (False, 32, 90)
    assert settings.tags == {"CostCentre": "42"}
    assert settings.existing_database is not None
    assert settings.existing_database.port == 5432


def test_keys_of_the_cdk_are_ignored() -> None:
    read_settings({"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:enable-path-metadata": True})


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"backupRetentionDay": 7}, "backupRetentionDay: no such setting; did you mean backupRetentionDays?"),
        (
            {"usagePlans": '{"writer": {"rte": 1}}'},
            "usagePlans.writer.rte: no such setting; did you mean rate?",
        ),
        ({"usagePlans": {"writers": {}}}, "usagePlans.writers: no such setting; did you mean writer?"),
        ({"zzz": 1}, "zzz: no such setting; known keys: alarmEmail, apiBurst"),
        ({"stage": "production"}, "stage: Input should be 'dev' or 'prod'"),
        ({"loadConcurrency": "many"}, "loadConcurrency: Input should be a valid integer"),
        ({"loadConcurrency": 0}, "loadConcurrency: Input should be greater than or equal to 1"),
        ({"backupRetentionDays": 0}, "backupRetentionDays: Input should be greater than or equal to 1"),
        ({"logRetentionDays": 8}, "logRetentionDays: Input should be 7, 30, 90, 365 or 3653"),
        ({"instanceClass": "db.t4g.micro"}, "instanceClass: "),
        ({"postgresVersion": 15}, "postgresVersion: Input should be 16, 17 or 18"),
        (
            {"auth": "secret", "existingDatabase": EXISTING, "postgresVersion": 17},
            "postgresVersion is for the database that the app creates",
        ),
        ({"alarmEmail": "nobody"}, "alarmEmail: "),
        ({"existingDatabase": "{"}, "existingDatabase: "),
        ({"storageGigabytes": 100, "maxStorageGigabytes": 105}, "maxStorageGigabytes must be at least 10 %"),
    ],
)
def test_error_names_wrong_key_and_reason(context: dict[str, Any], expected: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings(context)
    assert expected in str(error.value)


def test_error_names_every_wrong_key() -> None:
    with pytest.raises(SettingsError) as error:
        read_settings({"stag": "dev", "loadConcurency": 3})
    assert "stag:" in str(error.value)
    assert "loadConcurency:" in str(error.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hots": "x"}, "existingDatabase.hots: no such setting; did you mean host?"),
        ({"vpcId": "my-vpc"}, "existingDatabase.vpcId: "),
        ({"subnetIds": []}, "existingDatabase.subnetIds: "),
        (
            {"secretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop"},
            "existingDatabase.secretArn: ",
        ),
        ({"resourceId": None}, "existingDatabase.resourceId is missing: with auth=iam"),
    ],
)
def test_error_names_wrong_key_of_existing_database(
    existing_database: dict[str, Any], change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings({"existingDatabase": existing_database | change})
    assert expected in str(error.value)


def test_existing_database_with_secrets_needs_no_resource_id(existing_database: dict[str, Any]) -> None:
    del existing_database["resourceId"]
    assert (
        read_settings({"auth": "secret", "existingDatabase": existing_database}).existing_database is not None
    )


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"instanceClass": "t4g.micro", "loadConcurrency": 10}, "loadConcurrency=10"),
        ({"instanceClass": "t4g.micro", "backupConcurrency": 10}, "backupConcurrency=10"),
        ({"instanceClass": "t4g.micro", "exportConcurrency": 50}, "exportConcurrency=50"),
        ({"instanceClass": "t4g.small", "loadConcurrency": 1000}, "instanceClass t4g.small has 180"),
        ({"maxConnections": 80}, "maxConnections is for an existingDatabase"),
        ({"reportKeepDays": 89}, "reportKeepDays must be at least rejectionDays (90)"),
    ],
)
def test_error_names_setting_that_exceeds_connections_of_the_class(
    context: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings(context)
    assert expected in str(error.value)


@pytest.mark.parametrize("instance_class", ["t4g.micro", "t4g.small", "m7g.large"])
def test_connections_of_the_defaults_fit_every_class(instance_class: str) -> None:
    assert read_settings({"instanceClass": instance_class}).instance_class == instance_class


def test_max_connections_of_an_existing_database_must_cover_the_settings(
    existing_database: dict[str, Any],
) -> None:
    context = {"existingDatabase": existing_database}
    assert read_settings({**context, "loadConcurrency": 500}).max_connections is None
    assert read_settings({**context, "maxConnections": 100}).max_connections == 100
    with pytest.raises(SettingsError, match="the setting maxConnections has 60"):
        read_settings({**context, "maxConnections": 60})
