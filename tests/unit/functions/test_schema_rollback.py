"""The schema step reads from CloudFormation whether the stack is rolled back."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from functions.schema.rollback import is_rolled_back

STACK = "arn:aws:cloudformation:eu-west-1:000000000000:stack/DataForge-prod/1"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CREATE_IN_PROGRESS", False),
        ("UPDATE_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", True),
    ],
)
def test_rollback_is_recognized_by_the_status_of_the_stack(status: str, expected: bool) -> None:
    client = boto3.client(
        "cloudformation", region_name="eu-west-1", aws_access_key_id="any", aws_secret_access_key="any"
    )
    stack = {"StackName": "DataForge-prod", "CreationTime": datetime.now(UTC), "StackStatus": status}
    with Stubber(client) as stub:
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK})
        assert is_rolled_back(client, STACK) is expected


def test_status_that_cannot_be_read_does_not_count_as_a_rollback() -> None:
    client = boto3.client(
        "cloudformation", region_name="eu-west-1", aws_access_key_id="any", aws_secret_access_key="any"
    )
    with Stubber(client) as stub:
        stub.add_client_error("describe_stacks", "AccessDenied")
        assert not is_rolled_back(client, STACK)
