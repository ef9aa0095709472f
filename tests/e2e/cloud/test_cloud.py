"""Life cycle of the embedded cloud: start, second deployment, stop; with an app of one bucket, for speed."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import boto3
import psutil
import psycopg2
import pytest

from local import aws, cloud, guard, ports, postgres, processes, unprivileged
from local.config import Config
from local.errors import DeployFailed, OtherSettings
from local.rds import server as rds

pytestmark = pytest.mark.slow

SECOND_BUCKET = """
other = cdk.CfnResource(stack, "Other", type="AWS::S3::Bucket")
cdk.CfnOutput(stack, "BackupBucket", value=other.ref)
app.synth()
"""
CANNOT_BE_MADE = """
kind = "AWS::SecretsManager::SecretTargetAttachment"
properties = {"SecretId": "none", "TargetId": "none", "TargetType": "AWS::Imaginary::Database"}
cdk.CfnResource(stack, "Broken", type=kind, properties=properties)
app.synth()
"""


@pytest.fixture(scope="module")
def tiny_config(
    tiny_app: Path, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Config]:
    locked = tmp_path_factory.mktemp("locked")
    locked.chmod(0o700)
    config = Config(state=locked / "state", aws_port=free_port(), pg_port=free_port(), app=tiny_app)
    with guard.watch(config):
        yield config
        cloud.reset(config)


@pytest.fixture(scope="module")
def running(tiny_config: Config) -> Config:
    """A cloud with the tiny app, shared by the tests of this module; the last test stops it."""
    cloud.up(tiny_config)
    return tiny_config


def outputs(config: Config) -> dict[str, str]:
    found: dict[str, str] = json.loads(config.outputs.read_text())
    return found


def query(config: Config, sql: str) -> str:
    with closing(psycopg2.connect(outputs(config)["database_url"])) as db, db, db.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
        return str(row and row[0])


def test_outputs_have_every_address(running: Config) -> None:
    found = outputs(running)
    assert set(found) == {
        *("raw_bucket", "aws_endpoint_url", "region", "database_url"),
        *("aws_access_key_id", "aws_secret_access_key"),
    }
    assert found["aws_endpoint_url"] == f"http://127.0.0.1:{running.aws_port}"
    assert running.outputs.stat().st_mode & 0o777 == 0o600
    assert running.state.stat().st_mode & 0o777 == 0o700
    s3 = boto3.client("s3", **aws.client_settings(found))
    assert s3.head_bucket(Bucket=found["raw_bucket"])["BucketRegion"] == "eu-west-1"


def test_postgres_has_the_chosen_version_its_defaults_and_unicode(running: Config) -> None:
    assert query(running, "SHOW server_version_num").startswith(str(running.pg_version))
    assert query(running, "SELECT current_setting('fsync') || current_setting('full_page_writes')") == "onon"
    assert query(running, "SELECT upper('ação') || current_setting('server_encoding')") == "AÇÃOUTF8"
    assert query(running, "SHOW TimeZone") == "UTC"


def test_postgres_itself_listens_on_a_socket_in_a_private_folder_only(running: Config) -> None:
    assert query(running, "SHOW listen_addresses") == ""
    folder = Path(query(running, "SHOW unix_socket_directories"))
    assert folder == running.sockets.resolve()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_postgres_refuses_a_wrong_password(running: Config) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(
            host="127.0.0.1", port=running.pg_port, user="postgres", password="guess", dbname="postgres"
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as the user who starts it")
def test_postgres_started_by_root_runs_unprivileged_below_a_folder_of_root(running: Config) -> None:
    server = processes.find(postgres.pid_file(running))
    owner = unprivileged.user()
    assert server is not None
    assert owner is not None
    assert server.uids().real == owner[0]
    assert not unprivileged.reachable(running.state, owner)
    assert running.postgres.is_symlink()
    assert running.postgres.stat().st_mode & 0o077 == 0


def test_second_up_deploys_changes_and_preserves_data(running: Config) -> None:
    before = outputs(running)
    s3 = boto3.client("s3", **aws.client_settings(before))
    s3.put_object(Bucket=before["raw_bucket"], Key="kept", Body=b"data")
    query(running, "CREATE TABLE saved AS SELECT 1 AS a; SELECT 1")
    source = running.app / "app.py"
    source.write_text(source.read_text().replace("app.synth()\n", SECOND_BUCKET))

    after = cloud.up(running)

    assert after["raw_bucket"] == before["raw_bucket"]
    assert "backup_bucket" in after
    assert s3.get_object(Bucket=after["raw_bucket"], Key="kept")["Body"].read() == b"data"
    assert query(running, "SELECT a FROM saved") == "1"


def test_failed_deployment_reports_the_cause_and_does_not_stop_the_cloud(running: Config) -> None:
    source = running.app / "app.py"
    good = source.read_text()
    source.write_text(good.replace("app.synth()\n", CANNOT_BE_MADE))
    try:
        with pytest.raises(DeployFailed, match=r"Broken .*AWS::Imaginary::Database is not supported"):
            cloud.up(running)
    finally:
        source.write_text(good)
    assert cloud.is_up(running)
    assert query(running, "SELECT a FROM saved") == "1"


def test_up_with_other_ports_is_refused_while_it_runs(running: Config) -> None:
    with pytest.raises(OtherSettings, match=f"aws_port {running.aws_port}"):
        cloud.up(dataclasses.replace(running, aws_port=running.aws_port + 1))


def test_reset_removes_all_processes_and_data(running: Config) -> None:
    servers = [processes.find(module.pid_file(running)) for module in (aws, postgres, rds)]
    started = [child for server in servers if server for child in (server, *server.children(recursive=True))]
    assert len(started) > 2
    private = (running.postgres.resolve(), running.sockets.resolve())

    cloud.reset(running)

    assert [process for process in started if psutil.pid_exists(process.pid)] == []
    assert sorted(path.name for path in running.state.iterdir()) == ["lock", "logs"]
    assert not any(folder.exists() for folder in private)
    assert not ports.answers(running.pg_port)
    assert not ports.answers(running.aws_port)
    cloud.reset(running)  # nothing runs: no effect
