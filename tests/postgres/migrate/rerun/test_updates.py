"""With ``on_conflict: update``, rows replace stored rows of the same key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import InvalidInput

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected", "updated")
DOCUMENT: dict[str, Any] = {"tables": ["customers"], "quality_threshold": 0, "on_conflict": "update"}


def put(forge: Forge, make_csv: MakeCsv, *rows: tuple[int, str]) -> None:
    """Customers with these numbers and cities."""
    made = [{"customer_id": number, "customer_city": city} for number, city in rows]
    forge.put(customers=make_csv("customers", *made))


def cities(forge: Forge) -> list[tuple[Any, ...]]:
    return forge.database.query("SELECT right(customer_id, 1), customer_city FROM olist.customers ORDER BY 1")


def counts(table: dict[str, Any]) -> list[Any]:
    return [table[name] for name in COUNTS]


@pytest.fixture
def filled(forge: Forge, make_csv: MakeCsv) -> Forge:
    """Customers 1 to 3 are stored, with an order of each."""
    put(forge, make_csv, (1, "a"), (2, "b"), (3, "c"))
    forge.put(orders=make_csv("orders", *({"order_id": n, "customer_id": n} for n in (1, 2, 3))))
    forge.migrate(tables=["customers", "orders"])
    return forge


def test_updated_row_counts_as_loaded(filled: Forge, make_csv: MakeCsv) -> None:
    put(filled, make_csv, (1, "a"), (2, "new"), (4, "d"), (4, "d"))
    assert counts(filled.migrate(**DOCUMENT)["customers"]) == [4, 2, 1, 1, 0, 1]
    assert cities(filled) == [("1", "a"), ("2", "new"), ("3", "c"), ("4", "d")]
    assert counts(filled.migrate(**DOCUMENT)["customers"]) == [4, 0, 3, 1, 0, 0]


def test_first_of_conflicting_rows_replaces_stored_row(filled: Forge, make_csv: MakeCsv) -> None:
    put(filled, make_csv, (1, "first"), (1, "second"), (1, "a"), (2, "b"), (2, "late"))
    assert counts(filled.migrate(64, **DOCUMENT)["customers"]) == [5, 2 - 1, 1, 0, 3, 1]
    assert cities(filled)[:2] == [("1", "first"), ("2", "b")]
    assert filled.rejections("line", "codes") == [(3, "conflict"), (4, "conflict"), (6, "conflict")]


@pytest.mark.parametrize("city", ["mine", "new"])
def test_row_changed_before_publication_is_counted_against_its_latest_values(
    filled: Forge, make_csv: MakeCsv, city: str
) -> None:
    put(filled, make_csv, (1, "a"), (2, "new"), (3, "c"))
    change = "UPDATE olist.customers SET customer_city = %s WHERE customer_city IN ('a', 'b')"
    run = filled.migration(DOCUMENT)
    [found] = run.run(publish=lambda: filled.database.query(change, city))["tables"]
    assert counts(found) == ([3, 2, 1, 0, 0, 2] if city == "mine" else [3, 1, 2, 0, 0, 1])
    assert cities(filled) == [("1", "a"), ("2", "new"), ("3", "c")]


def test_rows_inserted_into_empty_table_during_run_are_updated(forge: Forge, make_csv: MakeCsv) -> None:
    put(forge, make_csv, (1, "a"), (2, "b"))
    insert = "INSERT INTO olist.customers VALUES (%s, %s, '01037', 'x', 'SP')"
    run = forge.migration(DOCUMENT)
    [found] = run.run(publish=lambda: forge.database.query(insert, f"{1:032x}", f"{1:032x}"))["tables"]
    assert counts(found) == [2, 2, 0, 0, 0, 1]
    assert cities(forge) == [("1", "a"), ("2", "b")]


def test_table_whose_columns_are_all_key_is_not_updated(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(geolocations=make_csv("geolocations", {}, {}))
    document: dict[str, Any] = {"tables": ["geolocations"], "on_conflict": "update"}
    assert counts(forge.migrate(**document)["geolocations"]) == [2, 1, 0, 1, 0, 0]
    assert counts(forge.migrate(**document)["geolocations"]) == [2, 0, 1, 1, 0, 0]


def test_unknown_on_conflict_is_refused(filled: Forge) -> None:
    with pytest.raises(InvalidInput, match="on_conflict"):
        filled.migrate(on_conflict="ignore")
