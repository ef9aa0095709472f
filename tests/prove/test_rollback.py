"""A failed first production deployment is rolled back completely, and the next one succeeds and is protected.

The failure is in the schema, the last long step of the creation: a role has privileges that the master cannot revoke.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import boto3
import psycopg2
import pytest

from local import cloud, deploy
from local.aws import client_settings, connection
from local.config import ROOT, Config
from local.errors import DeployFailed

FAULT = "CREATE ROLE dataforge_owner SUPERUSER"
STACK = "DataForge-prod"
ELSEWHERE = """
import aws_cdk as cdk

app = cdk.App()
cdk.CfnResource(cdk.Stack(app, "Elsewhere"), "Bucket", type="AWS::S3::Bucket")
app.synth()
"""


@dataclass(frozen=True)
class Deployments:
    """The state after the failed deployment, and after the next one."""

    error: str
    statuses: list[str]
    instances_left: list[str]
    outputs: dict[str, str]
    stack: dict[str, Any]
    instance: dict[str, Any]


@pytest.fixture(scope="module")
def deployments(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Deployments]:
    state, empty = tmp_path_factory.mktemp("cloud") / "state", tmp_path_factory.mktemp("empty")
    (empty / "cdk.json").write_text('{"app": "python app.py"}')
    (empty / "app.py").write_text(ELSEWHERE)
    config = Config(state=state, aws_port=free_port(), pg_port=free_port(), app=empty)
    prod = replace(config, app=ROOT, context=(("stage", "prod"),))
    with cloud.running(config) as offered:
        url = offered["database_url"]
        execute(url, FAULT)
        with pytest.raises(DeployFailed) as failure:
            deploy.deploy(prod, print)
        stacks, instances = clients(config)
        statuses = [
            stack["StackStatus"]
            for stack in stacks.describe_stacks()["Stacks"]
            if stack["StackName"] == STACK
        ]
        left = [found["DBInstanceIdentifier"] for found in instances.describe_db_instances()["DBInstances"]]
        execute(url, "DROP ROLE dataforge_owner")
        outputs = deploy.deploy(prod, print)
        (stack,) = stacks.describe_stacks(StackName=STACK)["Stacks"]
        (instance,) = instances.describe_db_instances()["DBInstances"]
        yield Deployments(str(failure.value), statuses, left, outputs[STACK], dict(stack), dict(instance))


def execute(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as db, db, db.cursor() as cursor:
        cursor.execute(statement)


def clients(config: Config) -> tuple[Any, Any]:
    settings = client_settings(connection(config))
    return boto3.client("cloudformation", **settings), boto3.client("rds", **settings)


def test_error_has_a_hint_for_the_owner(deployments: Deployments) -> None:
    assert "dataforge_owner" in deployments.error


def test_failed_creation_leaves_nothing_that_blocks_the_next(deployments: Deployments) -> None:
    assert deployments.statuses in ([], ["ROLLBACK_COMPLETE"])
    assert deployments.instances_left == []


def test_next_deployment_succeeds(deployments: Deployments) -> None:
    assert deployments.stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    assert "MigrationArn" in deployments.outputs


def test_database_and_stack_are_protected_once_the_stack_exists(deployments: Deployments) -> None:
    assert deployments.instance["DeletionProtection"] is True
    assert deployments.stack["EnableTerminationProtection"] is True
