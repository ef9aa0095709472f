"""Duplicates, conflicts and orphans, resolved by the order of the files, in empty and in filled tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
CUSTOMERS, ORDERS = "olist/olist_customers_dataset.csv", "olist/olist_orders_dataset.csv"


@pytest.fixture(params=["swap", "merge"])
def mode(request: pytest.FixtureRequest, forge: Forge, make_csv: MakeCsv) -> str:
    """Empty tables, or tables with other rows."""
    if request.param == "merge":
        forge.put("before/", **world(make_csv, 255))
        forge.migrate(prefix="before/", tables=TABLES)
    return str(request.param)


TABLES = ["customers", "sellers", "products", "orders", "order_items", "order_payments", "geolocations"]


def world(make_csv: MakeCsv, number: int) -> dict[str, bytes]:
    """A file of one row for each table, all with this number as their key."""
    key = {"order_id": number}
    return {
        "customers": make_csv("customers", {"customer_id": number}),
        "sellers": make_csv("sellers", {"seller_id": number}),
        "products": make_csv("products", {"product_id": number}),
        "orders": make_csv("orders", {**key, "customer_id": number}),
        "order_items": make_csv("order_items", {**key, "product_id": number, "seller_id": number}),
        "order_payments": make_csv("order_payments", key),
        "geolocations": make_csv("geolocations", {"geolocation_zip_code_prefix": f"{number:05}"}),
    }


def counts_of(forge: Forge, mode: str, *tables: str, chunk_bytes: int = 64) -> dict[str, tuple[int, ...]]:
    """Read, loaded, unchanged, deduplicated and rejected of each table after a run in this mode."""
    found = forge.migrate(chunk_bytes, tables=list(tables), quality_threshold=0)
    query = "SELECT mode FROM dataforge.migrations ORDER BY started_at DESC, migration_id DESC LIMIT 1"
    assert forge.database.query(query) == [(mode,)]
    names = ("read", "loaded", "unchanged", "deduplicated", "rejected")
    return {table: tuple(counts[name] for name in names) for table, counts in found.items()}


def cities(forge: Forge) -> dict[int, str]:
    """Each customer's city, by the number in the id, except the customer that was stored before."""
    rows = forge.database.query("SELECT customer_id, customer_city FROM olist.customers")
    return {int(key, 16): city for key, city in rows if int(key, 16) != 255}


def customer(number: int, city: str) -> dict[str, object]:
    return {"customer_id": number, "customer_city": city}


def test_first_of_conflicting_rows_is_loaded(forge: Forge, mode: str, make_csv: MakeCsv) -> None:
    rows = [(1, "a"), (2, "b"), (1, "c"), (2, "b"), (1, "a"), (3, "c"), (1, "c"), (2, "x")]
    forge.put(customers=make_csv("customers", *(customer(*row) for row in rows)))
    assert counts_of(forge, mode, "customers") == {"customers": (8, 3, 0, 3, 2)}
    assert cities(forge) == {1: "a", 2: "b", 3: "c"}
    assert forge.rejections("file", "line", "codes") == [
        (CUSTOMERS, 4, "conflict"),
        (CUSTOMERS, 9, "conflict"),
    ]


def test_row_made_identical_by_cleaning_is_duplicate(forge: Forge, mode: str, make_csv: MakeCsv) -> None:
    other = customer(1, " rio ") | {"customer_state": "sp\t"}
    forge.put(customers=make_csv("customers", customer(1, "rio"), other))
    assert counts_of(forge, mode, "customers") == {"customers": (2, 1, 0, 1, 0)}


def test_rejected_row_does_not_exclude_later_valid_row_of_key(
    forge: Forge, mode: str, make_csv: MakeCsv
) -> None:
    bad = customer(1, "a") | {"customer_state": "S1"}
    forge.put(
        customers=make_csv("customers", bad, customer(1, "b"), customer(1, "c")),
        orders=make_csv("orders", {"order_id": 1, "customer_id": 9}, {"order_id": 1, "customer_id": 1}),
    )
    assert counts_of(forge, mode, "customers", "orders") == {
        "customers": (3, 1, 0, 0, 2),
        "orders": (2, 1, 0, 0, 1),
    }
    assert cities(forge) == {1: "b"}
    assert forge.rejections("file", "line", "codes") == [
        (CUSTOMERS, 2, "string_pattern_mismatch"),
        (CUSTOMERS, 4, "conflict"),
        (ORDERS, 2, "foreign_key"),
    ]


def test_descendants_of_rejected_row_are_rejected(forge: Forge, mode: str, make_csv: MakeCsv) -> None:
    good, bad = world(make_csv, 1), world(make_csv, 2)
    files = {name: good[name] + bad[name].partition(b"\n")[2] for name in TABLES}
    forge.put(**files | {"customers": files["customers"].replace(f"{2:032x}".encode(), b"2")})
    found = counts_of(
        forge, mode, "customers", "sellers", "products", "orders", "order_items", "order_payments"
    )
    assert found == {
        "customers": (2, 1, 0, 0, 1),
        "sellers": (2, 2, 0, 0, 0),
        "products": (2, 2, 0, 0, 0),
        "orders": (2, 1, 0, 0, 1),
        "order_items": (2, 1, 0, 0, 1),
        "order_payments": (2, 1, 0, 0, 1),
    }
    [message] = [
        e
        for (e,) in forge.database.query("SELECT errors FROM dataforge.rejections WHERE \"table\" = 'orders'")
    ]
    assert message == [
        {
            "code": "foreign_key",
            "column": "customer_id",
            "message": f"orders_customer_id_fkey: customers has no row with customer_id = {2:032x}",
        }
    ]


def test_each_missing_parent_of_row_is_named(forge: Forge, mode: str, make_csv: MakeCsv) -> None:
    forge.put(order_items=make_csv("order_items", {"order_id": 7, "product_id": 8, "seller_id": 9}))
    assert counts_of(forge, "merge", "order_items") == {"order_items": (1, 0, 0, 0, 1)}
    columns = "SELECT e->>'column' FROM dataforge.rejections, jsonb_array_elements(errors) e ORDER BY 1"
    assert forge.database.query(columns) == [("order_id",), ("product_id",), ("seller_id",)]


def test_identical_orphans_are_one_rejection_and_duplicates(
    forge: Forge, mode: str, make_csv: MakeCsv
) -> None:
    orphan = {"order_id": 1, "customer_id": 9}
    forge.put(orders=make_csv("orders", orphan, {"order_id": 2, "customer_id": 8}, orphan, orphan))
    assert counts_of(forge, "merge", "orders") == {"orders": (4, 0, 0, 2, 2)}
    assert forge.rejections("line", "codes") == [(2, "foreign_key"), (3, "foreign_key")]


def test_identical_rows_of_keyless_table_are_loaded_once(forge: Forge, mode: str, make_csv: MakeCsv) -> None:
    rows = [{"geolocation_lat": lat} for lat in ("-23.5", "-23.50", "1", "-23.5", "-235e-1", "1.0", "2")]
    forge.put(geolocations=make_csv("geolocations", *rows))
    assert counts_of(forge, mode, "geolocations") == {"geolocations": (7, 3, 0, 4, 0)}
    assert counts_of(forge, "merge", "geolocations") == {"geolocations": (7, 0, 3, 4, 0)}


def test_stored_rows_are_valid_parents_and_win_over_files(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", customer(1, "a"), customer(2, "b")))
    forge.migrate(tables=["customers"])
    rows = [customer(1, "z"), customer(1, "a"), customer(3, "c"), customer(2, "b"), customer(3, "d")]
    orders = [{"order_id": n, "customer_id": n} for n in (2, 3, 4)]
    forge.put(customers=make_csv("customers", *rows), orders=make_csv("orders", *orders))
    assert counts_of(forge, "merge", "customers", "orders") == {
        "customers": (5, 1, 2, 0, 2),
        "orders": (3, 2, 0, 0, 1),
    }
    assert cities(forge) == {1: "a", 2: "b", 3: "c"}
    assert forge.rejections("file", "line", "codes") == [
        (CUSTOMERS, 2, "conflict"),
        (CUSTOMERS, 6, "conflict"),
        (ORDERS, 4, "foreign_key"),
    ]


def test_row_changed_by_owner_is_not_overwritten(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", customer(1, "a"), customer(2, "b"), customer(3, "c")))
    forge.migrate(tables=["customers"])
    forge.database.query("UPDATE olist.customers SET customer_city = 'mine' WHERE customer_city = 'a'")
    forge.database.query("DELETE FROM olist.customers WHERE customer_city = 'b'")
    assert counts_of(forge, "merge", "customers") == {"customers": (3, 1, 1, 0, 1)}
    assert cities(forge) == {1: "mine", 2: "b", 3: "c"}
    assert forge.rejections("line", "codes") == [(2, "conflict")]
