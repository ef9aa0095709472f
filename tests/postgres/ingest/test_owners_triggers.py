"""Results of records under triggers that skip rows, change values or change keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.postgres.ingest.owners import DROP, raising

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api, Reply

Sample = Callable[..., dict[str, Any]]
BAD = "nowhere"
UPPER = raising("NEW.seller_city := upper(NEW.seller_city)", always=True)
CONFLICTS = ["reject", "update", "ignore"]


@pytest.fixture(autouse=True)
def without_rules(api: Api) -> Iterator[None]:
    yield
    api.database.query(
        f"{DROP}; DROP TRIGGER IF EXISTS other ON olist.sellers; DROP FUNCTION IF EXISTS public.fixed()"
    )


def send(api: Api, records: list[dict[str, Any]], conflict: str) -> Reply:
    return api.send(json.dumps({"records": records, "on_conflict": conflict}))


def sellers(sample: Sample, *cities: str) -> list[dict[str, Any]]:
    return [sample("sellers", n, seller_city=city) for n, city in enumerate(cities, 1)]


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_row_skipped_in_a_table_with_only_key_columns_is_not_unchanged(
    api: Api, sample: Sample, conflict: str
) -> None:
    trigger = raising("RETURN NULL").replace("seller_city", "geolocation_city")
    api.database.query(trigger.replace("olist.sellers", "olist.geolocations"))
    records = [sample("geolocations", geolocation_city=city) for city in ("rio", BAD, "sp")]
    assert send(api, records, conflict).statuses == ["inserted", "rejected", "inserted"]
    assert send(api, records, conflict).statuses == ["unchanged", "rejected", "unchanged"]
    assert api.count("olist.geolocations") == 2


@pytest.mark.parametrize("conflict", CONFLICTS)
def test_row_stored_under_another_key_is_not_rejected(api: Api, sample: Sample, conflict: str) -> None:
    api.database.query(raising("NEW.seller_id := md5(NEW.seller_id)", always=True))
    first, *others = sellers(sample, "rio", "sp", "rio")
    send(api, [first], conflict)
    assert send(api, [first, *others], conflict).statuses == ["rejected", "inserted", "inserted"]
    assert api.count("olist.sellers") == 3


def test_row_overwritten_under_another_key_is_updated(api: Api, sample: Sample) -> None:
    api.database.query(raising("NEW.seller_id := md5('the only one')", always=True))
    records = sellers(sample, "rio", "sp")
    assert send(api, records, "update").statuses == ["inserted", "updated"]
    assert send(api, records, "update").statuses == ["updated", "updated"]
    assert [row[2] for row in api.rows("sellers")] == ["sp"]


@pytest.mark.parametrize("conflict", ["reject", "update"])
def test_side_effect_of_a_trigger_that_skips_a_row_happens_once(
    api: Api, sample: Sample, conflict: str
) -> None:
    api.database.query(
        "CREATE TABLE public.cities (city text); GRANT ALL ON public.cities TO PUBLIC;"
        + raising("INSERT INTO public.cities VALUES (NEW.seller_city); RETURN NULL")
    )
    assert send(api, sellers(sample, "rio", BAD), conflict).statuses == ["inserted", "rejected"]
    assert api.database.query("SELECT city FROM public.cities") == [(BAD,)]


@pytest.mark.parametrize("moment", ["BEFORE", "AFTER"])
def test_trigger_of_a_statement_is_executed_once_per_batch(api: Api, sample: Sample, moment: str) -> None:
    api.database.query(
        "CREATE TABLE public.cities (city text); GRANT ALL ON public.cities TO PUBLIC;"
        + raising("INSERT INTO public.cities VALUES ('once')", always=True)
        .replace("BEFORE INSERT OR UPDATE", f"{moment} INSERT")
        .replace("RETURN NEW", "RETURN NULL")
        .replace("FOR EACH ROW", "")
    )
    assert send(api, sellers(sample, "rio", "sp"), "reject").statuses == ["inserted", "inserted"]
    assert api.database.query("SELECT city FROM public.cities") == [("once",)]


@pytest.mark.parametrize("events", ["INSERT OR UPDATE", "INSERT"])
@pytest.mark.parametrize(
    "update_trigger", ["", "FUNCTION suppress_redundant_updates_trigger()", "FUNCTION public.fixed()"]
)
def test_identical_record_whose_values_a_trigger_normalises_is_unchanged(
    api: Api, sample: Sample, events: str, update_trigger: str
) -> None:
    api.database.query(UPPER.replace("INSERT OR UPDATE", events))
    api.database.query(
        "CREATE OR REPLACE FUNCTION public.fixed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'fixed'; END $$"
    )
    records = sellers(sample, "rio", "sp")
    assert send(api, records, "update").statuses == ["inserted", "inserted"]
    if update_trigger:
        api.database.query(
            f"CREATE TRIGGER other BEFORE UPDATE ON olist.sellers FOR EACH ROW EXECUTE {update_trigger}"
        )
    assert send(api, records, "update").statuses == ["unchanged", "unchanged"]
    assert [row[2] for row in api.rows("sellers")] == ["RIO", "SP"]
