"""Conflicts with a stored row or within a batch, under every conflict rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
TABLES = list(DATASETS["olist"].tables)


CITY = "example customer_city"


@pytest.mark.parametrize(
    ("rule", "status", "code", "city"),
    [
        ("reject", "rejected", ["conflict"], CITY),
        ("update", "updated", [], "campinas"),
        ("ignore", "ignored", [], CITY),
    ],
)
def test_conflicting_record_has_the_status_of_each_conflict_rule(
    api: Api, sample: Sample, rule: str, status: str, code: list[str], city: str
) -> None:
    api.post(sample("customers"))
    reply = api.post(sample("customers", customer_city="campinas"), sample("customers", 2), on_conflict=rule)
    assert reply.statuses == [status, "inserted"]
    assert reply.codes[0] == code
    assert reply.counts == {"received": 2, status: 1, "inserted": 1}
    assert [row[3] for row in api.rows("customers")] == [city, CITY]


@pytest.mark.parametrize("rule", ["reject", "update", "ignore"])
def test_identical_row_is_unchanged_under_every_rule(api: Api, sample: Sample, rule: str) -> None:
    api.post(*(sample(name) for name in TABLES))
    before = api.database.query("SELECT xmin, * FROM olist.customers")
    reply = api.post(*(sample(name) for name in TABLES), on_conflict=rule)
    assert reply.statuses == ["unchanged"] * len(TABLES)
    assert api.database.query("SELECT xmin, * FROM olist.customers") == before


@pytest.mark.parametrize("rule", ["reject", "update", "ignore"])
def test_first_of_two_records_with_one_key_is_stored(api: Api, sample: Sample, rule: str) -> None:
    reply = api.post(
        sample("customers"),
        sample("customers"),
        sample("customers", customer_city="campinas"),
        sample("customers", customer_city="campinas"),
        on_conflict=rule,
    )
    assert reply.statuses == ["inserted", "unchanged", "rejected", "rejected"]
    assert reply.codes[2:] == [["duplicate_in_batch"]] * 2
    assert [row[3] for row in api.rows("customers")] == [CITY]


def test_first_of_two_updates_in_a_batch_is_stored(api: Api, sample: Sample) -> None:
    api.post(sample("customers"))
    reply = api.post(
        sample("customers", customer_city="campinas"),
        sample("customers", customer_city="santos"),
        sample("customers"),
        on_conflict="update",
    )
    assert reply.statuses == ["updated", "rejected", "rejected"]
    assert reply.codes[1:] == [["duplicate_in_batch"]] * 2
    assert [row[3] for row in api.rows("customers")] == ["campinas"]


def test_record_identical_to_the_stored_row_is_unchanged_although_another_has_its_key(
    api: Api, sample: Sample
) -> None:
    api.post(sample("customers"))
    reply = api.post(sample("customers", customer_city="campinas"), sample("customers"))
    assert reply.statuses == ["rejected", "unchanged"]
    assert reply.codes[0] == ["conflict"]


def test_duplicate_record_has_the_error_of_the_first(api: Api, sample: Sample) -> None:
    reply = api.post(sample("orders"), sample("orders"))
    assert reply.codes == [["foreign_key"], ["foreign_key"]]
    assert reply.json["results"][1]["errors"][0]["pointer"] == "/records/1/data/customer_id"
    api.post(sample("customers"))
    bad = sample("customers", customer_city="campinas")
    assert api.post(bad, bad).codes == [["conflict"], ["conflict"]]
    assert api.post(bad, bad, on_conflict="ignore").statuses == ["ignored", "unchanged"]


def test_rejected_record_does_not_take_the_key_from_a_valid_one(api: Api, sample: Sample) -> None:
    reply = api.post(
        sample("customers", customer_state="?"),
        sample("customers"),
        sample("orders", customer_id=f"{9:032x}"),
        sample("orders"),
    )
    assert reply.statuses == ["rejected", "inserted", "rejected", "inserted"]
    assert reply.codes[2] == ["foreign_key"]


def test_table_whose_key_is_the_whole_row_has_no_conflicts(api: Api, sample: Sample) -> None:
    there = sample("geolocations")
    reply = api.post(there, there, sample("geolocations", geolocation_city="sp"))
    assert reply.statuses == ["inserted", "unchanged", "inserted"]
    spelled = sample("geolocations", geolocation_lat="+12.50", geolocation_state="lk")
    for rule in ("reject", "update", "ignore"):
        assert api.post(spelled, on_conflict=rule).statuses == ["unchanged"]
