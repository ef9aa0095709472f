"""Passwords for PostgreSQL computed without boto3."""

from __future__ import annotations

from urllib.parse import parse_qsl

import boto3
import pytest
from moto import mock_aws

from dataforge.postgres.credentials import password_of
from dataforge.settings import DatabaseSettings

MOMENT = {"X-Amz-Date", "X-Amz-Signature"}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials in a function's environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, f"{name} / +=")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


def settings(**given: str) -> DatabaseSettings:
    return DatabaseSettings.model_validate(
        {"db_host": "db.example.com", "db_name": "x", "db_user": "dataforge_ingest"} | given
    )


def test_token_equals_the_token_that_boto3_signs() -> None:
    ours = password_of(settings(db_auth="iam"))
    # The default session would have the credentials of the test that created it.
    wanted = (
        boto3.Session()
        .client("rds")
        .generate_db_auth_token(DBHostname="db.example.com", Port=5432, DBUsername="dataforge_ingest")
    )
    place, _, query = ours.partition("/?")
    assert place == wanted.partition("/?")[0] == "db.example.com:5432"
    parts, wanted_parts = (
        dict(parse_qsl(text.partition("/?")[2], strict_parsing=True)) for text in (ours, wanted)
    )
    assert parts.keys() == wanted_parts.keys() >= MOMENT
    assert {k: v for k, v in parts.items() if k not in MOMENT} == {
        k: v for k, v in wanted_parts.items() if k not in MOMENT
    }
    if parts["X-Amz-Date"] == wanted_parts["X-Amz-Date"]:
        assert ours == wanted
    assert query


@mock_aws
def test_password_is_read_from_the_secret() -> None:
    made = boto3.client("secretsmanager").create_secret(
        Name="x", SecretString='{"username": "u", "password": "p"}'
    )
    assert password_of(settings(db_auth="secret", db_secret_arn=made["ARN"])) == "p"
