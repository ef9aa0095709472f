"""A fresh deployment: tables without a row are backed up and restored, and a second deployment changes nothing. After
`cdk destroy` the stage is deployed again.

These are steps of `make smoke-aws`; here they run on a separate embedded cloud.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from local import cloud, deploy
from local.aws import client_settings
from local.command import dataforge
from local.config import ROOT, Config
from local.outputs import Outputs
from local.smoke_aws.prove import prove_empty_restore, require_healthy


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Config:
    state = tmp_path_factory.mktemp("cloud") / "state"
    return Config(state=state, aws_port=free_port(), pg_port=free_port())


@pytest.fixture(scope="module")
def deployed(config: Config) -> Iterator[Outputs]:
    with cloud.running(config) as outputs:
        yield outputs


def target(config: Config) -> list[str]:
    return ["--outputs", str(config.outputs)]


def test_backup_of_empty_tables_is_restored_into_empty_tables(config: Config, deployed: Outputs) -> None:
    lines: list[str] = []
    prove_empty_restore(target(config), lines.append)
    assert lines == ["restored a backup of empty tables into empty tables"]


def test_second_deployment_changes_no_output_and_stays_healthy(config: Config, deployed: Outputs) -> None:
    changing = {"api_key", "writer_key", "reader_key"}
    again = cloud.up(config)
    assert {n: v for n, v in again.items() if n not in changing} == {
        n: v for n, v in deployed.items() if n not in changing
    }
    require_healthy(target(config))


def test_connect_prints_the_address_of_the_embedded_database(config: Config, deployed: Outputs) -> None:
    assert deployed["database_url"] in dataforge(target(config), "connect")["psql"]


def destroy(config: Config) -> int:
    """The status of `cdk destroy`."""
    command = [str(deploy.CDK), "destroy", "--all", "--force"]
    for key, value in deploy.CONTEXT:
        command += ["-c", f"{key}={value}"]
    done = subprocess.run(command, cwd=ROOT, env=deploy.environment(config), capture_output=True, check=False)
    return done.returncode


def empty(s3: Any, bucket: str) -> None:
    """Delete every version of every object."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def test_stage_is_destroyed_only_with_empty_buckets_and_deployed_again(
    config: Config, deployed: Outputs
) -> None:
    settings = client_settings(deployed)
    s3, stacks = boto3.client("s3", **settings), boto3.client("cloudformation", **settings)

    def names() -> list[str]:
        return [
            stack["StackName"]
            for stack in stacks.describe_stacks()["Stacks"]
            if stack["StackName"] != "CDKToolkit"
        ]

    assert names() == ["DataForge-dev"]
    assert destroy(config) != 0  # the backup of the first test
    assert names() == ["DataForge-dev"]
    for bucket in s3.list_buckets()["Buckets"]:
        if not bucket["Name"].startswith("cdk-"):
            empty(s3, bucket["Name"])
    assert destroy(config) == 0
    assert names() == []
    cloud.up(config)
    require_healthy(target(config))
