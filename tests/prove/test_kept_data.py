"""The embedded cloud continues with its data, also after all its processes were killed at any moment."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg2
import pytest
import urllib3
from botocore.config import Config as Settings
from botocore.exceptions import BotoCoreError

from local import aws, cloud, guard, ports, postgres, processes
from local.config import Config
from local.errors import OtherSettings, OtherVersion, PortTaken
from local.outputs import Outputs
from local.rds import server as rds

QUOTES = "author,text,tags\n" + "".join(f"Author {n},Text {n},a;b\n" for n in range(5000))
ROWS = "SELECT count(*), md5(string_agg(q::text, ',' ORDER BY q::text)) FROM quotes.quotes q"
KEYS = ("api_key", "writer_key", "reader_key")
CHANGING = {"aws_access_key_id", "aws_secret_access_key"}


@dataclass(frozen=True)
class Content:
    """The data with which a start must continue."""

    rows: tuple[Any, ...]
    objects: dict[str, str]
    executions: dict[str, str]
    secrets: dict[str, str]
    resources: dict[str, str]


def client(outputs: Outputs, service: Any) -> Any:
    once = Settings(retries={"total_max_attempts": 1})
    return boto3.client(service, **aws.client_settings(outputs), config=once)


def query(outputs: Outputs, statement: str) -> tuple[Any, ...]:
    with closing(psycopg2.connect(outputs["database_url"])) as db, db.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() or ()


def content(outputs: Outputs) -> Content:
    s3, states = client(outputs, "s3"), client(outputs, "stepfunctions")
    buckets = [outputs[name] for name in ("raw_bucket", "backup_bucket", "report_bucket")]
    versions = [v | {"B": b} for b in buckets for v in s3.list_object_versions(Bucket=b).get("Versions", [])]
    machines = [outputs[name] for name in ("migration_arn", "backup_arn", "restore_arn")]
    runs = [run for arn in machines for run in states.list_executions(stateMachineArn=arn)["executions"]]
    vault = client(outputs, "secretsmanager")
    names = [secret["Name"] for secret in vault.list_secrets()["SecretList"]]
    stacks = client(outputs, "cloudformation").describe_stack_resources(StackName="DataForge-dev")
    return Content(
        query(outputs, ROWS),
        {f"{v['B']}/{v['Key']}?{v['VersionId']}": v["ETag"] for v in versions},
        {run["executionArn"]: run["status"] for run in runs},
        {name: vault.get_secret_value(SecretId=name)["SecretString"] for name in names},
        {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in stacks["StackResources"]},
    )


def upload(outputs: Outputs) -> str:
    prefix = f"kept-{secrets.token_hex(4)}/"
    client(outputs, "s3").put_object(
        Bucket=outputs["raw_bucket"], Key=f"{prefix}quotes.csv", Body=QUOTES.encode()
    )
    return prefix


def start(outputs: Outputs, machine: str, **given: Any) -> str:
    found = client(outputs, "stepfunctions").start_execution(
        stateMachineArn=outputs[machine], input=json.dumps({"dataset": "quotes", **given})
    )
    return str(found["executionArn"])


def finish(outputs: Outputs, execution: str) -> dict[str, Any]:
    """The execution when it has ended."""
    states = client(outputs, "stepfunctions")
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.1)
    return dict(found)


def run(outputs: Outputs, machine: str, **given: Any) -> dict[str, Any]:
    found = finish(outputs, start(outputs, machine, **given))
    assert found["status"] == "SUCCEEDED", found.get("cause")
    return dict(json.loads(found["output"]))


def kill(config: Config) -> None:
    """Kill all servers and all their processes at once."""
    servers = [processes.find(module.pid_file(config)) for module in (aws, postgres, rds)]
    everything = [one for server in servers if server for one in (server, *server.children(recursive=True))]
    for process in everything:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(everything, timeout=20)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Config]:
    state = tmp_path_factory.mktemp("kept") / "state"
    chosen = Config(state=state, aws_port=free_port(), pg_port=free_port())
    with guard.watch(chosen):
        yield chosen
        cloud.reset(chosen)


@pytest.fixture(scope="module")
def first(config: Config) -> Outputs:
    """The outputs of the first start, after a migration and a backup."""
    outputs = cloud.up(config)
    run(outputs, "migration_arn", prefix=upload(outputs))
    run(outputs, "backup_arn")
    return outputs


def require_kept(before: Content, config: Config, first: Outputs) -> Outputs:
    """Start again, and require that the data exists and works."""
    outputs = cloud.up(config)
    after = content(outputs)
    assert after.rows == before.rows
    assert after.objects == before.objects
    assert after.executions == before.executions
    assert after.secrets == before.secrets
    assert after.resources == before.resources
    assert {n: v for n, v in outputs.items() if n not in CHANGING} == {
        n: v for n, v in first.items() if n not in CHANGING
    }
    assert outputs["aws_secret_access_key"] != first["aws_secret_access_key"]
    for key in KEYS:
        address = f"{outputs['api_url']}/v1/tables/quotes/records?dataset=quotes&limit=1"
        assert urllib3.request("GET", address, headers={"x-api-key": outputs[key]}, timeout=60).status == 200
    return outputs


def test_stopped_cloud_continues_with_tables_objects_runs_keys_and_secrets(
    config: Config, first: Outputs
) -> None:
    before = content(first)
    cloud.down(config)
    assert not ports.answers(config.pg_port)
    assert not ports.answers(config.aws_port)
    outputs = require_kept(before, config, first)
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        cursor.execute("DELETE FROM quotes.quote_tags")
    assert run(outputs, "restore_arn", table="quote_tags")["added"] > 0


def test_killed_cloud_continues_as_well(config: Config, first: Outputs) -> None:
    before = content(cloud.up(config))
    kill(config)
    require_kept(before, config, first)


def test_run_that_was_killed_has_failed_and_the_next_one_succeeds(config: Config, first: Outputs) -> None:
    outputs = cloud.up(config)
    before = query(outputs, ROWS)
    prefix = upload(outputs)
    killed = start(outputs, "migration_arn", prefix=prefix)
    statement = "SELECT count(*) FROM dataforge.migrations WHERE status = 'running'"
    while query(outputs, statement) == (0,):
        time.sleep(0.01)
    kill(config)

    outputs = cloud.up(config)

    found = finish(outputs, killed)
    assert (found["status"], found["error"]) == ("FAILED", "States.ServiceRestart")
    assert query(outputs, ROWS) == before
    run(outputs, "migration_arn", prefix=prefix)
    assert query(outputs, statement) == (0,)


def test_changed_app_is_deployed_onto_the_data_by_an_update(config: Config, first: Outputs) -> None:
    before = content(cloud.up(config))
    cloud.down(config)
    outputs = cloud.up(dataclasses.replace(config, context=(("migrationHours", "23"),)))
    after = content(outputs)
    assert after == before
    stack = client(outputs, "cloudformation").describe_stacks(StackName="DataForge-dev")["Stacks"][0]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"


def test_data_of_a_version_with_passwords_and_without_tls_continues(config: Config, first: Outputs) -> None:
    cloud.down(config)
    outputs = cloud.up(dataclasses.replace(config, context=(("auth", "secret"),)))
    before = query(outputs, ROWS)
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        cursor.execute("GRANT rds_iam TO rds_superuser WITH ADMIN TRUE, INHERIT TRUE, SET TRUE")
    cloud.down(config)
    for certificate in config.data.glob("*.pem"):
        certificate.unlink()

    outputs = cloud.up(config)

    assert query(outputs, ROWS) == before
    run(outputs, "migration_arn", prefix=upload(outputs))
    members = "SELECT count(*) FROM pg_auth_members WHERE roleid = 'rds_iam'::regrole"
    assert query(outputs, members)[0] > 5


def test_deployment_that_was_killed_is_repeated_onto_the_data(config: Config, first: Outputs) -> None:
    before = content(cloud.up(config))

    def killing(line: str) -> None:
        if "Synthesis time" in line:
            seconds.append(time.monotonic())
            kill(config)

    seconds: list[float] = []
    with pytest.raises(Exception, match=r"cdk deploy|refused|connect"):
        cloud.up(dataclasses.replace(config, context=(("migrationHours", "22"),)), killing)
    assert seconds
    kill(config)
    assert content(cloud.up(config)) == before


def test_other_settings_and_another_version_are_refused_with_an_error_that_names_them(
    config: Config, first: Outputs
) -> None:
    cloud.down(config)
    with pytest.raises(OtherSettings, match=f"aws_port {config.aws_port}"):
        cloud.up(dataclasses.replace(config, aws_port=config.aws_port + 1))
    settings = config.data / "settings.json"
    stored = settings.read_text()
    settings.write_text(stored.replace(aws.version(), "ministack 0.0.1"))
    with pytest.raises(OtherVersion, match=r"ministack 0\.0\.1"):
        cloud.up(config)
    settings.write_text(stored)


def test_taken_port_is_named_and_the_data_remains(
    config: Config, first: Outputs, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    cloud.down(config)
    other = Config(state=tmp_path / "other", aws_port=free_port(), pg_port=config.pg_port)
    with postgres.serving(other), pytest.raises(PortTaken, match=str(config.pg_port)):
        cloud.up(config)
    assert (config.data / "settings.json").exists()
    assert query(cloud.up(config), ROWS)[0] == 5000


def test_reset_deletes_everything(config: Config, first: Outputs) -> None:
    cloud.up(config)
    private = config.postgres.resolve()
    cloud.reset(config)
    assert not private.exists()
    assert sorted(path.name for path in config.state.iterdir()) == ["lock", "logs"]


@pytest.fixture
def emulator(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Config]:
    """The configuration of an emulator without PostgreSQL, which no test of it needs."""
    chosen = Config(state=tmp_path / "state", aws_port=free_port())
    for folder in (chosen.run, chosen.data, chosen.logs):
        folder.mkdir(parents=True)
    chosen.superuser.write_text("{}")
    yield chosen
    aws.stop(chosen)


def test_answered_request_is_stored_when_the_emulator_is_killed_at_any_moment(emulator: Config) -> None:
    chance = random.Random(7)
    answered: dict[str, set[str]] = {"secretsmanager": set(), "s3": set()}
    for turn in range(15):
        emulator.temp.mkdir(exist_ok=True)
        shutil.rmtree(emulator.temp)
        aws.start(emulator)
        outputs = aws.connection(emulator)
        s3, vault = client(outputs, "s3"), client(outputs, "secretsmanager")
        for name in answered["secretsmanager"]:
            assert vault.get_secret_value(SecretId=name)["SecretString"] == body(name)[:1000]
        for name in answered["s3"]:
            assert s3.get_object(Bucket="kept", Key=name)["Body"].read() == body(name).encode()
        if turn == 0:
            s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        process = processes.find(aws.pid_file(emulator))
        assert process is not None
        threading.Timer(chance.uniform(0.05, 0.5), process.kill).start()
        with suppress(BotoCoreError):
            for number in itertools.count():
                name = f"{turn}/{number}"
                vault.create_secret(Name=name, SecretString=body(name)[:1000])
                answered["secretsmanager"].add(name)
                s3.put_object(Bucket="kept", Key=name, Body=body(name).encode())
                answered["s3"].add(name)
        process.wait(10)
        aws.stop(emulator)
    assert min(map(len, answered.values())) > 50


def body(name: str) -> str:
    return name * (10 if len(name) % 2 else 50_000)
