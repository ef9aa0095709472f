"""Passwords for PostgreSQL computed without boto3."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.session import get_session
from hypothesis import given
from hypothesis import settings as settings_of_tests
from hypothesis import strategies as st
from moto import mock_aws

from dataforge.postgres.auth_token import Credentials, Login, auth_token
from dataforge.postgres.credentials import password_of
from dataforge.settings import DatabaseSettings


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


TEXTS = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=40)


@settings_of_tests(max_examples=20, deadline=None)
@given(TEXTS, TEXTS, st.none() | TEXTS, st.sampled_from(("dataforge_ingest", "a b/+%é")))
def test_token_is_that_of_boto3(key: str, secret: str, token: str | None, user: str) -> None:
    # The default session would have the credentials of the test that created it.
    session = boto3.Session(key, secret, token, region_name="eu-west-1", botocore_session=get_session())
    wanted = session.client("rds").generate_db_auth_token(
        DBHostname="db.example.com", Port=5432, DBUsername=user
    )
    moment = datetime.strptime(read_query(wanted)["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = auth_token(
        Login("db.example.com", 5432, user), "eu-west-1", Credentials(key, secret, token), moment
    )
    assert ours.startswith("db.example.com:5432/?")
    assert read_query(ours) == read_query(wanted)


def read_query(token: str) -> dict[str, str]:
    return dict(parse_qsl(token.partition("/?")[2], strict_parsing=True))


def test_token_is_signed_with_the_credentials_of_the_environment() -> None:
    query = read_query(password_of(settings(db_auth="iam")))
    assert query["X-Amz-Credential"].startswith("AWS_ACCESS_KEY_ID / +=/")
    assert query["X-Amz-Security-Token"] == "AWS_SESSION_TOKEN / +="


def test_token_is_signed_with_the_credentials_of_a_session_without_those(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = other\naws_secret_access_key = s\n")
    query = read_query(password_of(settings(db_auth="iam")))
    assert query["X-Amz-Credential"].startswith("other/")


@mock_aws
def test_password_is_read_from_the_secret() -> None:
    made = boto3.client("secretsmanager").create_secret(
        Name="x", SecretString='{"username": "u", "password": "p"}'
    )
    assert password_of(settings(db_auth="secret", db_secret_arn=made["ARN"])) == "p"
