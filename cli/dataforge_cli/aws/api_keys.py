"""Keys of the HTTP API, as API Gateway holds them.

A key's value begins with its kind, and the key belongs to that kind's usage plan. Needs boto3 alone: the embedded cloud
makes its keys with this module too.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

KINDS = ("reader", "writer", "operator")
"""From the least to the most."""

PLAN_OUTPUTS = {kind: f"{kind}_plan" for kind in KINDS}
"""The deployment's outputs that name the usage plans."""


@dataclass(frozen=True)
class Key:
    """A key without its value, which is told once, when it is made."""

    id: str
    name: str
    kind: str
    enabled: bool
    created: datetime


def create_key(client: APIGatewayClient, plan: str, kind: str, name: str) -> tuple[Key, str]:
    """Make a key of the kind and let it into its plan; the key and its value."""
    made = client.create_api_key(
        name=name, value=f"{kind}.{secrets.token_hex(24)}", enabled=True, description=f"Data Forge, {kind}"
    )
    try:
        client.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
    except BaseException:
        # Outside every plan it would open nothing, and no list would show it.
        client.delete_api_key(apiKey=made["id"])
        raise
    return _key(made, kind), made["value"]


def list_keys(client: APIGatewayClient, plans: Mapping[str, str]) -> Iterator[Key]:
    """The keys of the plans, which are given by kind."""
    # The embedded cloud's plans go on listing keys that are deleted.
    pages = client.get_paginator("get_api_keys").paginate(includeValues=False)
    known = {item["id"]: item for page in pages for item in page["items"]}
    for kind, plan in plans.items():
        for key_id in _ids(client, plan):
            if key_id in known:
                yield _key(known[key_id], kind)


def find_value(client: APIGatewayClient, plan: str, kind: str, name: str) -> str | None:
    """The value of the plan's key of this name, if it has one."""
    for key in list_keys(client, {kind: plan}):
        if key.name == name and key.enabled:
            return client.get_api_key(apiKey=key.id, includeValue=True)["value"]
    return None


def revoke_key(client: APIGatewayClient, key_id: str) -> None:
    """End the key: every request with it is refused from now on."""
    client.delete_api_key(apiKey=key_id)


def _ids(client: APIGatewayClient, plan: str) -> list[str]:
    pages = client.get_paginator("get_usage_plan_keys").paginate(usagePlanId=plan)
    return [item["id"] for page in pages for item in page["items"]]


def _key(found: Any, kind: str) -> Key:
    return Key(found["id"], found["name"], kind, found["enabled"], found["createdDate"])
