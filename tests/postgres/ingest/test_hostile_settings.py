"""Ingestion and listing do not depend on the settings of the database and its roles."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.postgres.hostile import hostile_settings

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]


def test_ingestion_stores_every_character_under_hostile_settings(api: Api, sample: Sample) -> None:
    city = "são 🎉 \\ 'x' \"y\""
    good, bad = sample("sellers", 1, seller_city=city), sample("sellers", 2, seller_state="🎉")
    with hostile_settings(api.database):
        reply = api.send(json.dumps({"records": [good, bad, sample("orders", 3)]}), idempotency_key="key")
        listed = api.request("GET", "/v1/rejections", query={"table": "sellers"}, key="operator." + "k" * 40)
    assert reply.statuses == ["inserted", "rejected", "rejected"]
    assert [item["raw"]["seller_state"] for item in listed.json["data"]] == ["🎉"]
    assert api.database.query("SELECT seller_city FROM olist.sellers") == [(city,)]
