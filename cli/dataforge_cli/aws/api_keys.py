"""Keys of the HTTP API in API Gateway.

A key's value begins with its kind, and the key belongs to that kind's usage plan. Requires boto3 only: the embedded cloud
creates its keys with this module too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

KINDS = ("reader", "writer", "operator")
"""In the order of permissions."""

LIMITED = "limited"
"""The mark in the value of a key that was created with limits: the API refuses it while its limits are not stored."""

PLAN_OUTPUTS = {kind: f"{kind}_plan" for kind in KINDS}
"""The outputs with the ids of the usage plans."""


@dataclass(frozen=True)
class Key:
    """A key without its value, which is returned only on creation."""

    id: str
    name: str
    kind: str
    enabled: bool
    created: datetime


def create_key(
    client: APIGatewayClient,
    plan: str,
    kind: str,
    name: str,
    *,
    limited: bool = False,
    register: Callable[[str], None] = lambda _: None,
) -> tuple[Key, str]:
    """Create a key in the plan of its kind. Returns the key and its value.

    ``limited``: the value has the mark ``LIMITED``. ``register`` takes the id of the key before the key is valid.
    """
    prefix = f"{kind}.{LIMITED}." if limited else f"{kind}."
    made = client.create_api_key(
        name=name, value=prefix + secrets.token_hex(24), enabled=True, description=f"Data Forge, {kind}"
    )
    try:
        register(made["id"])
        client.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
    except BaseException:
        # A key without a plan has no access and is not listed.
        client.delete_api_key(apiKey=made["id"])
        raise
    return _key(made, kind), made["value"]


def list_keys(client: APIGatewayClient, plans: Mapping[str, str]) -> Iterator[Key]:
    """Return the keys of the plans by kind."""
    # The embedded cloud's plans continue to list deleted keys.
    pages = client.get_paginator("get_api_keys").paginate(includeValues=False)
    known = {item["id"]: item for page in pages for item in page["items"]}
    for kind, plan in plans.items():
        for key_id in _ids(client, plan):
            if key_id in known:
                yield _key(known[key_id], kind)


def find_value(client: APIGatewayClient, plan: str, kind: str, name: str) -> str | None:
    """Return the value of the plan's key with this name, or None."""
    for key in list_keys(client, {kind: plan}):
        if key.name == name and key.enabled:
            return client.get_api_key(apiKey=key.id, includeValue=True)["value"]
    return None


def delete_key(client: APIGatewayClient, key_id: str) -> None:
    """Delete the key."""
    client.delete_api_key(apiKey=key_id)


def _ids(client: APIGatewayClient, plan: str) -> list[str]:
    pages = client.get_paginator("get_usage_plan_keys").paginate(usagePlanId=plan)
    return [item["id"] for page in pages for item in page["items"]]


def _key(found: Any, kind: str) -> Key:
    return Key(found["id"], found["name"], kind, found["enabled"], found["createdDate"])
