"""Limits of keys at backups, restores and exports."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.key_limits import KeyLimits
from dataforge.s3.keys import key_limits_key

if TYPE_CHECKING:
    from tests.unit.operations.conftest import Call, Cloud

ORDERS = KeyLimits(datasets={"olist": ("orders",)})
OLIST = KeyLimits(datasets={"olist": None})
READER = "reader." + "x" * 48
FIRST, SECOND = "20261125T195930Z-1f0c2a9b", "20261125T205930Z-1f0c2a9b"


def limited(cloud: Cloud, limits: KeyLimits) -> str:
    """The id of a key with these limits, which no process has cached."""
    key_id = secrets.token_hex(5)
    cloud.s3.put_object(Bucket="report", Key=key_limits_key(key_id), Body=limits.model_dump_json().encode())
    return key_id


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/backups", {}),
        ("/v1/backups", {"tables": ["orders", "sellers"]}),
        ("/v1/backups", {"dataset": "quotes", "tables": ["orders"]}),
        ("/v1/backups", {"dataset": "none"}),
        ("/v1/backups", {"verify_only": FIRST}),
        ("/v1/restores", {"table": "sellers"}),
        ("/v1/restores", {"tables": ["orders", "none"]}),
        ("/v1/restores", {"undo": FIRST}),
        ("/v1/restores", {"finish": FIRST}),
        ("/v1/exports", {"table": "sellers"}),
        ("/v1/exports", {"dataset": "quotes", "table": "quotes"}),
    ],
)
def test_run_of_other_tables_is_refused_and_not_started(
    cloud: Cloud, call: Call, path: str, body: Any
) -> None:
    answer = call("POST", path, body, key_id=limited(cloud, ORDERS))
    assert answer.status == 403
    assert answer.document["type"] == "urn:dataforge:problem:outside-limits"
    assert cloud.inputs(path.removeprefix("/v1/").removesuffix("s")) == {}


def test_unknown_table_is_refused_like_another(cloud: Cloud, call: Call) -> None:
    answer = call("POST", "/v1/backups", {"tables": ["none"]}, key_id=limited(cloud, OLIST))
    assert answer.status == 400
    answer = call("POST", "/v1/exports", {"dataset": "none", "table": "t"}, key_id=limited(cloud, OLIST))
    assert (answer.status, answer.document["type"]) == (403, "urn:dataforge:problem:outside-limits")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("backup", {"tables": ["orders"]}),
        ("restore", {"table": "orders", "dry_run": True}),
        ("export", {"table": "orders"}),
    ],
)
def test_run_of_the_allowed_table_starts_and_is_described(
    cloud: Cloud, call: Call, kind: str, body: Any
) -> None:
    key_id = limited(cloud, ORDERS)
    started = call("POST", f"/v1/{kind}s", body, key_id=key_id)
    assert started.status == 202
    path = f"/v1/{kind}s/{started.document['id']}"
    assert call("GET", path, key_id=key_id).status == 200
    other = limited(cloud, KeyLimits(datasets={"olist": ("sellers",)}))
    refused = call("GET", path, key_id=other)
    assert (refused.status, refused.document["type"]) == (403, "urn:dataforge:problem:outside-limits")


def test_reader_is_limited_at_exports(cloud: Cloud, call: Call) -> None:
    answer = call("POST", "/v1/exports", {"table": "sellers"}, key=READER, key_id=limited(cloud, ORDERS))
    assert answer.status == 403


def test_list_has_backups_of_the_allowed_tables_only(cloud: Cloud, call: Call) -> None:
    cloud.add_backup(FIRST)
    cloud.add_backup(SECOND, dataset="quotes")
    for limits, found in ((ORDERS, [FIRST]), (OLIST, [FIRST]), (KeyLimits(), [SECOND, FIRST])):
        answer = call("GET", "/v1/backups", key_id=limited(cloud, limits))
        assert [backup["id"] for backup in answer.document["data"]] == found
    sellers = limited(cloud, KeyLimits(datasets={"olist": ("sellers",)}))
    assert call("GET", "/v1/backups", key_id=sellers).document["data"] == []
    refused = call("GET", "/v1/backups", query={"dataset": "quotes"}, key_id=limited(cloud, ORDERS))
    assert refused.status == 403


def test_finished_backup_of_another_table_is_refused(cloud: Cloud, call: Call) -> None:
    cloud.add_backup(FIRST)
    path = f"/v1/backups/{FIRST}"
    assert call("GET", path, key_id=limited(cloud, ORDERS)).status == 200
    sellers = limited(cloud, KeyLimits(datasets={"olist": ("sellers",)}))
    answer = call("GET", path, key_id=sellers)
    assert answer.status == 403
    assert "orders" in json.dumps(answer.document)
