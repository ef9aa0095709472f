"""A failed production deployment is rolled back: the first one completely, a later one to the version before it.

The failure is in the schema, the last long step of the creation: a role has privileges that the master cannot revoke. It
persists during the rollback, in which CloudFormation sends the old properties to the schema function.
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
FAULT_IN_UPDATE, REPAIR = "ALTER ROLE dataforge_owner SUPERUSER", "ALTER ROLE dataforge_owner NOSUPERUSER"
CHANGE = (("exportConcurrency", "2"), ("rejectionDays", "30"), ("chunkMegabytes", "8"))
"""Settings that change properties of the schema, rules of buckets, and environments of functions."""
STACK = "DataForge-prod"
ELSEWHERE = """
import aws_cdk as cdk

app = cdk.App()
cdk.CfnResource(cdk.Stack(app, "Elsewhere"), "Bucket", type="AWS::S3::Bucket")
app.synth()
"""


@dataclass(frozen=True)
class Update:
    """A deployment to the existing stack: the status, and the resources after it."""

    status: str
    deployed: dict[str, Any]


@dataclass(frozen=True)
class Deployments:
    """The state after the failed deployment, and after the next one; then two updates, of which the first failed."""

    error: str
    statuses: list[str]
    instances_left: list[str]
    outputs: dict[str, str]
    stack: dict[str, Any]
    instance: dict[str, Any]
    before: dict[str, Any]
    failed_update: Update
    repaired_update: Update


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
        before = deployed(config)
        execute(url, FAULT_IN_UPDATE)
        changed = replace(prod, context=(*prod.context, *CHANGE))
        with pytest.raises(DeployFailed):
            deploy.deploy(changed, print)
        failed = Update(status(config), deployed(config))
        execute(url, REPAIR)
        deploy.deploy(changed, print)
        yield Deployments(
            str(failure.value),
            statuses,
            left,
            outputs[STACK],
            dict(stack),
            dict(instance),
            before,
            failed,
            Update(status(config), deployed(config)),
        )


def execute(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as db, db, db.cursor() as cursor:
        cursor.execute(statement)


def clients(config: Config) -> tuple[Any, Any]:
    settings = client_settings(connection(config))
    return boto3.client("cloudformation", **settings), boto3.client("rds", **settings)


def status(config: Config) -> str:
    stacks, _ = clients(config)
    return str(stacks.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])


def deployed(config: Config) -> dict[str, Any]:
    """The functions with code and environment, the machines with their definitions, and the rules of the buckets."""
    settings = client_settings(connection(config))
    functions, machines, s3 = (
        boto3.client("lambda", **settings),
        boto3.client("stepfunctions", **settings),
        boto3.client("s3", **settings),
    )
    found: dict[str, Any] = {}
    for function in functions.get_paginator("list_functions").paginate().search("Functions[]"):
        found[function["FunctionName"]] = [
            function[name] for name in ("CodeSha256", "Environment", "Layers", "MemorySize")
        ]
    for machine in machines.list_state_machines()["stateMachines"]:
        found[machine["name"]] = machines.describe_state_machine(stateMachineArn=machine["stateMachineArn"])[
            "definition"
        ]
    for bucket in s3.list_buckets()["Buckets"]:
        if "storage" in bucket["Name"]:
            rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket["Name"])["Rules"]
            found[bucket["Name"]] = rules
    return found


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


def test_failed_update_returns_to_the_version_before_it(deployments: Deployments) -> None:
    assert deployments.failed_update.status == "UPDATE_ROLLBACK_COMPLETE"
    assert deployments.failed_update.deployed == deployments.before


def test_update_succeeds_once_the_fault_is_repaired(deployments: Deployments) -> None:
    assert deployments.repaired_update.status == "UPDATE_COMPLETE"
    changed = {
        name
        for name, content in deployments.repaired_update.deployed.items()
        if content != deployments.before[name]
    }
    assert any("report" in name for name in changed)
    assert any("Plan" in name or "Migrate" in name for name in changed)
