"""Keys of tables of figures, and keys that are declared with more columns than distinguish the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest

from discovery.structure.keys import Columns
from discovery.structure.proposal import propose
from discovery.structure.texts import TextStore

ROWS = range(240)
FEW = range(60)
PEOPLE = [f"person {n:02}" for n in range(60)]


def keys(
    tables: Mapping[str, Mapping[str, Sequence[Any]]], kinds: dict[str, str]
) -> dict[str, tuple[str, ...] | None]:
    """The proposed keys; columns are whole numbers unless ``kinds`` has them."""
    with TextStore() as store:
        found = {}
        for name, columns in tables.items():
            arrays = {c: pa.array(map(str, values), pa.string()) for c, values in columns.items()}
            store.add(name, list(arrays), [pa.record_batch(arrays)])
            found[name] = Columns(name, store.describe(name), {c: kinds.get(c, "integer") for c in columns})
        return dict(propose(store, found).keys)


def test_columns_of_which_each_combination_has_a_row_are_a_key_under_any_names() -> None:
    panel: dict[str, Sequence[Any]] = {
        "respondent": [n // 4 for n in ROWS],
        "wave": [n % 4 for n in ROWS],
        "chosen": [1] * 240,
    }
    repeated = panel | {"wave": [n % 4 if n else 1 for n in ROWS]}
    found = keys({"panel": panel, "repeated": repeated}, {})
    assert found == {"panel": ("respondent", "wave"), "repeated": None}


def test_countries_and_years_are_a_key_although_a_column_is_between_them() -> None:
    columns: dict[str, Sequence[Any]] = {
        "country": [f"land {n // 12:02}" for n in ROWS],
        "continent": [f"part {n // 48}" for n in ROWS],
        "year": [1950 + n % 12 for n in ROWS],
        "total": [n * 7 % 90 for n in ROWS],
    }
    kinds = {"country": "text", "continent": "text"}
    assert keys({"figures": columns}, kinds) == {"figures": ("country", "year")}


@pytest.mark.parametrize(("figures", "key"), [("numeric", ("nickname",)), ("text", None)])
def test_labels_are_a_key_if_all_other_columns_are_figures(figures: str, key: tuple[str, ...] | None) -> None:
    columns: dict[str, Sequence[Any]] = {
        "nickname": PEOPLE,
        "low": [n % 9 for n in FEW],
        "high": [n % 3 for n in FEW],
    }
    assert keys({"ranges": columns}, {"nickname": "text", "high": figures}) == {"ranges": key}


def test_codes_of_areas_are_preferred_to_their_names() -> None:
    columns: dict[str, Sequence[Any]] = {
        "Country Name": PEOPLE,
        "Country Code": [f"C{n:02}" for n in FEW],
        "Region": [f"part {n % 5}" for n in FEW],
    }
    kinds = dict.fromkeys(columns, "text")
    assert keys({"indicators": columns}, kinds) == {"indicators": ("Country Code",)}


def test_days_of_one_station_are_a_key_behind_columns_with_one_value() -> None:
    columns: dict[str, Sequence[Any]] = {
        "place": ["airport"] * 60,
        "day": [f"2024-{n // 28 + 1:02}-{n % 28 + 1:02}" for n in FEW],
        "high": [n % 9 for n in FEW],
    }
    assert keys({"weather": columns}, {"place": "text", "day": "date"}) == {"weather": ("day",)}


def awards(league: Sequence[int]) -> dict[str, dict[str, Sequence[Any]]]:
    return {
        "people": {"person_id": range(1000, 1060), "name": PEOPLE},
        "shares": {
            "award_id": [n // 80 for n in ROWS],
            "year_id": [1900 + n % 80 // 8 for n in ROWS],
            "league_id": league,
            "person_id": [1000 + n % 80 * 7 % 60 for n in ROWS],
            "points": [n % 31 for n in ROWS],
        },
    }


def test_first_columns_that_identify_are_in_the_key_unless_they_depend_on_one_of_it() -> None:
    independent = keys(awards([n // 3 % 2 for n in ROWS]), {"name": "text"})
    dependent = keys(awards([n % 80 // 8 % 3 for n in ROWS]), {"name": "text"})
    assert independent["shares"] == ("award_id", "year_id", "league_id", "person_id")
    assert dependent["shares"] == ("award_id", "year_id", "person_id")


def test_bare_number_that_repeats_is_in_the_key_with_the_number_of_the_part() -> None:
    columns: dict[str, Sequence[Any]] = {
        "id": [n // 3 for n in ROWS],
        "kind": [n % 5 for n in ROWS],
        "part_uid": range(7000, 7240),
    }
    assert keys({"images": columns}, {}) == {"images": ("id", "part_uid")}


def test_number_of_the_table_that_repeats_by_mistake_is_not_extended_by_a_later_reference() -> None:
    columns: dict[str, Sequence[Any]] = {
        "visit_id": [n if n % 12 else max(n - 1, 0) for n in ROWS],
        "person_id": [1000 + n % 60 for n in ROWS],
        "drug_id": [n % 2 for n in ROWS],
    }
    people: dict[str, Sequence[Any]] = {"person_id": range(1000, 1060), "name": PEOPLE}
    found = keys({"people": people, "visits": columns}, {"name": "text"})
    assert found["visits"] != ("visit_id", "drug_id")


def test_groups_and_members_are_a_key_where_each_member_is_in_one_group() -> None:
    tables: dict[str, dict[str, Sequence[Any]]] = {
        "people": {"name": PEOPLE, "age": [n % 9 for n in FEW]},
        "groups": {"group": [n % 3 for n in range(30)], "person": PEOPLE[:30]},
    }
    assert keys(tables, {"name": "text", "person": "text"})["groups"] == ("group", "person")
