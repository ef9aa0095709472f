"""API keys in moto's API Gateway."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from dataforge_cli.aws.api_keys import KINDS, create_key, delete_key, find_value, list_keys

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[APIGatewayClient]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("apigateway", region_name="eu-west-1")


@pytest.fixture
def plans(client: APIGatewayClient) -> dict[str, str]:
    return {kind: client.create_usage_plan(name=kind)["id"] for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_value_begins_with_the_kind_and_ends_with_random_text(
    client: APIGatewayClient, plans: dict[str, str], kind: str
) -> None:
    values = {create_key(client, plans[kind], kind, f"name-{n}")[1] for n in range(3)}
    assert len(values) == 3
    assert all(re.fullmatch(rf"{kind}\.[0-9a-f]{{48}}", value) for value in values)


def test_keys_are_listed_by_plan_without_their_values(
    client: APIGatewayClient, plans: dict[str, str]
) -> None:
    made = [create_key(client, plans[kind], kind, f"for-{kind}")[0] for kind in KINDS]
    client.create_api_key(name="another", value="x" * 30)
    assert list(list_keys(client, plans)) == made


def test_value_is_returned_for_the_name_of_its_key(client: APIGatewayClient, plans: dict[str, str]) -> None:
    _, value = create_key(client, plans["writer"], "writer", "shop")
    assert find_value(client, plans["writer"], "writer", "shop") == value
    assert find_value(client, plans["writer"], "writer", "another") is None
    assert find_value(client, plans["reader"], "reader", "shop") is None


def test_deleted_key_is_not_listed(client: APIGatewayClient, plans: dict[str, str]) -> None:
    key, _ = create_key(client, plans["writer"], "writer", "shop")
    delete_key(client, key.id)
    assert list(list_keys(client, plans)) == []
    assert find_value(client, plans["writer"], "writer", "shop") is None


def test_key_is_deleted_when_no_plan_accepts_it() -> None:
    client = boto3.client(
        "apigateway", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stub:
        stub.add_response("create_api_key", {"id": "k1", "value": "writer.0"})
        stub.add_client_error("create_usage_plan_key", "NotFoundException")
        stub.add_response("delete_api_key", {}, {"apiKey": "k1"})
        with pytest.raises(ClientError):
            create_key(client, "nothing", "writer", "shop")
        stub.assert_no_pending_responses()
