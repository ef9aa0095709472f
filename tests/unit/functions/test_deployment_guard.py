"""Deployment guard: checks before the database is created, and termination protection afterwards."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from dataforge.aws.custom_resource import answer
from dataforge.errors import DataForgeError, DeletionRefused, InstanceExists
from functions.deployment.backup_lock import NOT_LOCKED, lock_backups
from functions.deployment.backup_watch import begin_watch
from functions.deployment.instance import prepare
from functions.deployment.protection import protect

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client


NAME = "dataforge-prod"
STACK = "arn:aws:cloudformation:eu-west-1:000000000000:stack/DataForge-prod/1"
GROUPS = [f"/aws/rds/instance/{NAME}/postgresql", f"/aws/rds/instance/{NAME}/upgrade"]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        yield


class Stacks:
    """CloudFormation, with one stack."""

    def __init__(self, status: str) -> None:
        self.status, self.protected = status, False

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803  AWS's name
        assert StackName == STACK
        return {"Stacks": [{"StackStatus": self.status}]}

    def update_termination_protection(self, *, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
        assert StackName == STACK
        self.protected = EnableTerminationProtection


UPDATED: Any = Stacks("UPDATE_IN_PROGRESS")
CREATED: Any = Stacks("CREATE_IN_PROGRESS")


@pytest.fixture
def rds() -> RDSClient:
    return boto3.client("rds")


@pytest.fixture
def logs() -> CloudWatchLogsClient:
    return boto3.client("logs")


@pytest.fixture
def instance(rds: RDSClient) -> Callable[[], bool]:
    """Create the instance; the result is a function that returns whether it is protected."""
    rds.create_db_instance(
        DBInstanceIdentifier=NAME,
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="master",
        MasterUserPassword="long enough",
        AllocatedStorage=20,
    )
    return lambda: bool(
        rds.describe_db_instances(DBInstanceIdentifier=NAME)["DBInstances"][0]["DeletionProtection"]
    )


def look(request: str) -> dict[str, Any]:
    properties = {"Instance": NAME, "LogGroups": GROUPS, "DefaultClass": "t4g.small"}
    return {"RequestType": request, "StackId": STACK, "ResourceProperties": properties}


def protection(request: str) -> dict[str, Any]:
    return {"RequestType": request, "StackId": STACK, "ResourceProperties": {"Instance": NAME}}


def named(logs: CloudWatchLogsClient) -> list[str]:
    return [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]


def test_new_instance_gets_the_default_class(rds: RDSClient, logs: CloudWatchLogsClient) -> None:
    assert prepare(rds, logs, CREATED, look("Create")) == {"InstanceClass": "t4g.small"}


@pytest.mark.usefixtures("instance")
def test_new_stack_is_refused_if_a_database_with_its_name_exists(
    rds: RDSClient, logs: CloudWatchLogsClient
) -> None:
    logs.create_log_group(logGroupName=GROUPS[0])
    with pytest.raises(InstanceExists, match=f"existingDatabase.*--new-db-instance-identifier {NAME}-old"):
        prepare(rds, logs, CREATED, look("Create"))
    assert named(logs) == [GROUPS[0]]


@pytest.mark.usefixtures("instance")
@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_existing_instance_keeps_its_class(
    rds: RDSClient, logs: CloudWatchLogsClient, request_type: str
) -> None:
    assert prepare(rds, logs, UPDATED, look(request_type)) == {"InstanceClass": "t4g.micro"}


def test_log_groups_of_an_earlier_stack_do_not_block_a_new_stack(
    rds: RDSClient, logs: CloudWatchLogsClient
) -> None:
    for name in (GROUPS[0], f"{GROUPS[0]}-of-others"):
        logs.create_log_group(logGroupName=name)
    prepare(rds, logs, CREATED, look("Create"))
    assert named(logs) == [f"{GROUPS[0]}-of-others"]


@pytest.mark.usefixtures("instance")
def test_log_groups_of_an_existing_instance_are_retained(rds: RDSClient, logs: CloudWatchLogsClient) -> None:
    logs.create_log_group(logGroupName=GROUPS[0])
    prepare(rds, logs, UPDATED, look("Create"))
    assert named(logs) == [GROUPS[0]]


@pytest.mark.parametrize("request_type", ["Update", "Delete"])
def test_log_groups_are_removed_before_a_first_creation_only(
    rds: RDSClient, logs: CloudWatchLogsClient, request_type: str
) -> None:
    logs.create_log_group(logGroupName=GROUPS[0])
    prepare(rds, logs, UPDATED, look(request_type))
    assert named(logs) == [GROUPS[0]]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_complete_stack_is_protected(rds: RDSClient, instance: Callable[[], bool], request_type: str) -> None:
    stacks: Any = Stacks("CREATE_IN_PROGRESS")
    protect(rds, stacks, protection(request_type))
    assert (instance(), stacks.protected) == (True, True)


def test_stack_whose_creation_is_rolled_back_is_unprotected(
    rds: RDSClient, instance: Callable[[], bool]
) -> None:
    stacks: Any = Stacks("CREATE_IN_PROGRESS")
    protect(rds, stacks, protection("Create"))
    stacks.status = "ROLLBACK_IN_PROGRESS"
    protect(rds, stacks, protection("Delete"))
    assert (instance(), stacks.protected) == (False, False)


def test_stack_whose_update_is_rolled_back_stays_protected(
    rds: RDSClient, instance: Callable[[], bool]
) -> None:
    stacks: Any = Stacks("UPDATE_IN_PROGRESS")
    protect(rds, stacks, protection("Create"))
    stacks.status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    protect(rds, stacks, protection("Delete"))
    assert (instance(), stacks.protected) == (True, True)


def test_stack_with_a_protected_database_is_not_deleted(rds: RDSClient, instance: Callable[[], bool]) -> None:
    stacks: Any = Stacks("DELETE_IN_PROGRESS")
    protect(rds, stacks, protection("Create"))
    with pytest.raises(DeletionRefused, match=f"{NAME} --no-deletion-protection"):
        protect(rds, stacks, protection("Delete"))
    rds.modify_db_instance(DBInstanceIdentifier=NAME, DeletionProtection=False, ApplyImmediately=True)
    assert protect(rds, stacks, protection("Delete")) == {}


def test_stack_that_uses_an_existing_database_is_protected_and_can_be_deleted(rds: RDSClient) -> None:
    stacks: Any = Stacks("DELETE_IN_PROGRESS")
    event = protection("Create") | {"ResourceProperties": {}}
    protect(rds, stacks, event)
    assert stacks.protected
    assert protect(rds, stacks, event | {"RequestType": "Delete"}) == {}


def counted(cloudwatch: CloudWatchClient) -> list[str]:
    found = cloudwatch.list_metrics(Namespace="DataForge", MetricName="BackupVerified")["Metrics"]
    return sorted(d["Value"] for metric in found for d in metric["Dimensions"] if d["Name"] == "dataset")


def test_watch_starts_once_for_each_dataset() -> None:
    cloudwatch = boto3.client("cloudwatch")
    begin_watch(cloudwatch, {"RequestType": "Create", "ResourceProperties": {"Datasets": ["olist"]}})
    assert counted(cloudwatch) == ["olist"]
    event = {"RequestType": "Update", "ResourceProperties": {"Datasets": ["olist", "quotes"]}}
    begin_watch(cloudwatch, event | {"OldResourceProperties": {"Datasets": ["olist", "quotes"]}})
    assert counted(cloudwatch) == ["olist"]
    begin_watch(cloudwatch, event | {"OldResourceProperties": {"Datasets": ["olist"]}})
    assert counted(cloudwatch) == ["olist", "quotes"]


class Url(BaseHTTPRequestHandler):
    """A server for CloudFormation's response URL."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def cloudformation() -> Iterator[Any]:
    """A request of CloudFormation and the list of its responses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Url)
    answers = server.answers = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    event = {"StackId": STACK, "RequestId": "1", "LogicalResourceId": "Guard", "RequestType": "Create"}
    yield SimpleNamespace(
        event=event | {"ResponseURL": f"http://127.0.0.1:{server.server_port}/"}, answers=answers
    )
    server.shutdown()
    server.server_close()


def test_attributes_and_refusals_reach_cloudformation(cloudformation: Any) -> None:
    def refuse() -> dict[str, str]:
        raise DataForgeError("The error and the hint.")

    answer(cloudformation.event, "id", lambda: {"InstanceClass": "t4g.small"})
    answer(cloudformation.event, "id", refuse)
    good, bad = cloudformation.answers
    assert (good["Status"], good["Data"], good["PhysicalResourceId"]) == (
        "SUCCESS",
        {"InstanceClass": "t4g.small"},
        "id",
    )
    assert (bad["Status"], bad["Reason"]) == ("FAILED", "The error and the hint.")


def test_permissions_that_are_not_effective_yet_are_retried(cloudformation: Any) -> None:
    denied = ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "DescribeDBInstances"
    )
    calls: list[int] = []

    def work() -> dict[str, str]:
        calls.append(1)
        if len(calls) < 3:
            raise denied
        return {}

    answer(cloudformation.event, "id", work, pauses=(0, 0))
    calls.clear()
    with pytest.raises(ClientError):
        answer(cloudformation.event, "id", work, pauses=(0,))
    assert [response["Status"] for response in cloudformation.answers] == ["SUCCESS", "FAILED"]


def test_other_errors_of_aws_are_not_retried(cloudformation: Any) -> None:
    calls: list[int] = []

    def work() -> dict[str, str]:
        calls.append(1)
        raise ClientError({"Error": {"Code": "InvalidDBInstanceState", "Message": ""}}, "ModifyDBInstance")

    with pytest.raises(ClientError):
        answer(cloudformation.event, "id", work)
    assert calls == [1]


def test_unexpected_failure_is_reported_without_its_text(cloudformation: Any) -> None:
    def fail() -> dict[str, str]:
        raise RuntimeError("a host name")

    with pytest.raises(RuntimeError):
        answer(cloudformation.event, "id", fail)
    (response,) = cloudformation.answers
    assert response["Status"] == "FAILED"
    assert "host name" not in response["Reason"]


@pytest.fixture
def bucket() -> S3Client:
    """S3 with the bucket of backups."""
    client = boto3.client("s3")
    place: Any = {"LocationConstraint": "eu-west-1"}
    client.create_bucket(Bucket="backups", CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
    return client


def lock_event(request: str) -> dict[str, Any]:
    return {
        "RequestType": request,
        "StackId": STACK,
        "ResourceProperties": {"Bucket": "backups", "Days": "35"},
    }


def test_backups_of_a_new_stack_are_locked_in_governance_mode(bucket: S3Client) -> None:
    assert lock_backups(bucket, CREATED, lock_event("Create")) == {"State": "governance, 35 days"}
    found = bucket.get_object_lock_configuration(Bucket="backups")["ObjectLockConfiguration"]
    retention = found["Rule"]["DefaultRetention"]
    assert (retention["Mode"], retention["Days"]) == ("GOVERNANCE", 35)


def test_existing_stack_keeps_its_object_lock_and_the_deployment_states_it(bucket: S3Client) -> None:
    for request in ("Create", "Update"):
        assert lock_backups(bucket, UPDATED, lock_event(request)) == {"State": NOT_LOCKED}
    other: Any = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 2}},
    }
    bucket.put_object_lock_configuration(Bucket="backups", ObjectLockConfiguration=other)
    for stacks, request in ((UPDATED, "Create"), (UPDATED, "Update"), (CREATED, "Update")):
        assert lock_backups(bucket, stacks, lock_event(request)) == {"State": "compliance, 2 years"}
    assert lock_backups(bucket, UPDATED, lock_event("Delete")) == {}
