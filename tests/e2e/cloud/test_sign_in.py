"""PostgreSQL of the embedded cloud is entered as RDS is: over TLS, by members of `rds_iam` with a token only."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import quote

import boto3
import psycopg2
import pytest
import urllib3
from psycopg2.extensions import make_dsn

from local.aws import ClientSettings
from local.config import Config
from local.outputs import Outputs
from local.rds import certificates
from local.smoke_aws.refusals import prove_other_role_is_denied, prove_unavailable_with

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection

USER, OTHER = "visitor", "dataforge_ingest"
ACCOUNT = "000000000000"


class Credentials(TypedDict):
    """The credentials of a session of a role."""

    aws_access_key_id: str
    aws_secret_access_key: str
    aws_session_token: str | None


@dataclass(frozen=True)
class Door:
    """The address of the database, and a role of IAM that may sign in as a user of it."""

    host: str
    port: int
    authority: str
    region: str
    credentials: Credentials

    def token(self, user: str = USER) -> str:
        """A token that boto3 generates with the role's credentials."""
        client = boto3.Session(region_name=self.region, **self.credentials).client("rds")
        return client.generate_db_auth_token(DBHostname=self.host, Port=self.port, DBUsername=user)

    def enter(self, user: str, password: str, **changes: str) -> Connection:
        parameters = {
            "host": self.host,
            "port": str(self.port),
            "dbname": "postgres",
            "sslmode": "verify-full",
            "sslrootcert": self.authority,
        }
        return psycopg2.connect(make_dsn(**parameters | changes, user=user, password=password))

    def refusal(self, user: str, password: str, **changes: str) -> str:
        """The error of an attempt, which must fail."""
        with pytest.raises(psycopg2.OperationalError) as raised:
            self.enter(user, password, **changes).close()
        return str(raised.value)


def credentials_with(aws: ClientSettings, name: str, resources: list[str]) -> Credentials:
    """The credentials of a role that may `rds-db:connect` with these resources."""
    iam = boto3.client("iam", **aws)
    principal = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [principal]}),
    )
    if resources:
        statement = {"Effect": "Allow", "Action": "rds-db:connect", "Resource": resources}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=name, PolicyName="connect", PolicyDocument=policy)
    role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    found = boto3.client("sts", **aws).assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


@pytest.fixture(scope="module")
def instance(aws: ClientSettings) -> str:
    """The resource of users of the app's database, up to the user."""
    instances = boto3.client("rds", **aws).describe_db_instances()["DBInstances"]
    (found,) = [one["DbiResourceId"] for one in instances if one["DBName"] == "dataforge"]
    return f"arn:aws:rds-db:{aws['region_name']}:{ACCOUNT}:dbuser:{found}"


@pytest.fixture(scope="module")
def door(cloud: Outputs, cloud_config: Config, aws: ClientSettings, instance: str) -> Iterator[Door]:
    """A user who is a member of `rds_iam`, and also has a password."""
    with closing(psycopg2.connect(cloud["database_url"])) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {USER} LOGIN PASSWORD 'known' IN ROLE rds_iam")
            # The deployment has revoked the right of PUBLIC.
            cursor.execute(f"GRANT CONNECT ON DATABASE postgres TO {USER}")
            yield Door(
                "127.0.0.1",
                cloud_config.pg_port,
                str(cloud_config.authority),
                aws["region_name"],
                credentials_with(aws, "visitor", [f"{instance}/{USER}"]),
            )
            cursor.execute(f"DROP OWNED BY {USER}; DROP ROLE {USER}")


@pytest.fixture
def master(aws: ClientSettings) -> dict[str, str]:
    """The user name and the password of the app's master."""
    vault = boto3.client("secretsmanager", **aws)
    names = [secret["Name"] for secret in vault.list_secrets()["SecretList"]]
    (name,) = [name for name in names if "PostgresSecret" in name]
    found = json.loads(vault.get_secret_value(SecretId=name)["SecretString"])
    return {"user": found["username"], "password": found["password"]}


def test_token_signs_in_as_its_user_and_can_be_used_again(door: Door) -> None:
    token = door.token()
    for _ in range(2):
        with closing(door.enter(USER, token)) as db, db.cursor() as cursor:
            cursor.execute("SELECT session_user::text, current_user::text")
            assert cursor.fetchone() == (USER, USER)


def test_password_of_a_member_is_refused(door: Door) -> None:
    assert f'PAM authentication failed for user "{USER}"' in door.refusal(USER, "known")


def test_token_of_another_user_host_port_or_region_is_refused(door: Door) -> None:
    wrong = [
        door.token(OTHER),
        replace(door, host="localhost").token(),
        replace(door, port=door.port + 1).token(),
        replace(door, region="us-east-1").token(),
    ]
    for token in wrong:
        assert "PAM authentication failed" in door.refusal(USER, token)


def test_token_that_was_changed_or_signed_with_another_secret_is_refused(door: Door) -> None:
    token = door.token()
    known = door.credentials
    other: Credentials = {**known, "aws_secret_access_key": secrets.token_urlsafe(30)}
    unknown: Credentials = {**known, "aws_access_key_id": "ASIA" + "A" * 16}
    without: Credentials = {**known, "aws_session_token": None}
    wrong = [
        "none",
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        token.replace("X-Amz-Expires=900", "X-Amz-Expires=899"),
        *(replace(door, credentials=each).token() for each in (other, unknown, without)),
    ]
    for each in wrong:
        assert "PAM authentication failed" in door.refusal(USER, each)


@pytest.mark.parametrize(("minutes", "accepted"), [(14, True), (16, False), (-10, False)])
def test_token_is_valid_for_15_minutes(
    door: Door, monkeypatch: pytest.MonkeyPatch, minutes: int, accepted: bool
) -> None:
    signed_at = datetime.now(UTC) - timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: signed_at)
    token = door.token()
    monkeypatch.undo()
    if accepted:
        door.enter(USER, token).close()
    else:
        assert "PAM authentication failed" in door.refusal(USER, token)


def test_token_of_a_role_without_the_permission_is_refused(
    door: Door, aws: ClientSettings, instance: str
) -> None:
    other_instance = f"{instance.rpartition(':')[0]}:db-OTHER/{USER}"
    for number, allowed in enumerate(([], [f"{instance}/{OTHER}"], [other_instance])):
        stranger = replace(door, credentials=credentials_with(aws, f"stranger-{number}", allowed))
        assert "PAM authentication failed" in stranger.refusal(USER, stranger.token())


def test_connection_without_tls_is_refused(door: Door, cloud: Outputs) -> None:
    assert "no encryption" in door.refusal(USER, door.token(), sslmode="disable")
    with pytest.raises(psycopg2.OperationalError, match="no encryption"):
        psycopg2.connect(cloud["database_url"], sslmode="disable")


def test_certificate_of_another_authority_or_host_is_refused_by_the_client(
    door: Door, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    certificates.make(other, tmp_path / "server.pem")
    assert "certificate verify failed" in door.refusal(USER, door.token(), sslrootcert=str(other))
    assert "does not match host name" in door.refusal(
        USER, door.token(), host="elsewhere", hostaddr="127.0.0.1"
    )


def test_master_is_not_a_superuser_and_signs_in_with_its_password(door: Door, master: dict[str, str]) -> None:
    with closing(door.enter(master["user"], master["password"])) as db, db.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolreplication, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles"
            " WHERE rolname = session_user"
        )
        assert cursor.fetchone() == (False, False, False, True, True)
    assert "password authentication failed" in door.refusal(master["user"], "guess")


def test_master_that_is_a_member_of_a_login_can_no_longer_use_its_password(
    door: Door, master: dict[str, str], superuser: Connection
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(f"GRANT {USER} TO {master['user']}")
        try:
            assert "PAM authentication failed" in door.refusal(master["user"], master["password"])
        finally:
            cursor.execute(f"REVOKE {USER} FROM {master['user']}")
    door.enter(master["user"], master["password"]).close()


def test_login_of_a_function_cannot_enter_another_database(superuser: Connection) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT datname FROM pg_database WHERE datallowconn AND has_database_privilege(%s, oid, 'CONNECT')"
            " AND datname <> 'template1' ORDER BY 1",
            (OTHER,),
        )
        assert cursor.fetchall() == [("dataforge",)]


def test_role_with_the_admin_option_of_rds_iam_only_is_not_accepted_without_a_password(
    door: Door, superuser: Connection
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("CREATE ROLE granter LOGIN PASSWORD 'known'")
        cursor.execute("GRANT rds_iam TO granter WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
        try:
            for password in ("known", "guess"):
                assert "PAM authentication failed" in door.refusal("granter", password)
        finally:
            cursor.execute("DROP ROLE granter")


def test_statement_is_cancelled_by_a_second_connection(door: Door, superuser: Connection) -> None:
    with closing(door.enter(USER, door.token())) as db, superuser.cursor() as watcher:
        errors: list[BaseException] = []

        def wait() -> None:
            try:
                with db.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(600)")
            except psycopg2.Error as error:
                errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        while watcher.rowcount != 1:
            watcher.execute(
                "SELECT FROM pg_stat_activity WHERE usename = %s AND wait_event = 'PgSleep'", (USER,)
            )
        db.cancel()
        thread.join(60)
    assert [type(error) for error in errors] == [psycopg2.errors.QueryCanceled]


def test_server_has_the_parameters_of_the_group_of_its_instance(
    aws: ClientSettings, superuser: Connection
) -> None:
    rds = boto3.client("rds", **aws)
    groups = [
        group["DBParameterGroupName"] for group in rds.describe_db_parameter_groups()["DBParameterGroups"]
    ]
    found = [
        p for name in groups for p in rds.describe_db_parameters(DBParameterGroupName=name)["Parameters"]
    ]
    expected = {
        p["ParameterName"]: p["ParameterValue"] for p in found if p["ParameterName"].startswith("log_")
    }
    with superuser.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", (list(expected),))
        assert dict(cursor.fetchall()) == expected
    assert expected["log_min_messages"] == "log"


def test_database_url_requires_the_certificate_of_the_cloud(cloud: Outputs, cloud_config: Config) -> None:
    root = quote(str(cloud_config.authority))
    assert cloud["database_url"].endswith(f"?sslmode=verify-full&sslrootcert={root}")


@pytest.mark.slow
def test_function_with_another_root_or_role_cannot_connect(
    cloud: Outputs, aws: ClientSettings, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    certificates.make(other, tmp_path / "server.pem")
    functions = boto3.client("lambda", **aws)
    names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
    (ingest,) = [name for name in names if "-Ingest" in name]

    def status() -> int:
        return urllib3.request("GET", f"{cloud['api_url']}/v1/health", timeout=60).status

    prove_unavailable_with(functions, ingest, status, DB_SSLROOTCERT=str(other))
    prove_other_role_is_denied(functions, ingest, status, "dataforge_migrate")
