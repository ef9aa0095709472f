"""Tables whose files have the content of the last run, and that were not written since, are not loaded again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from functions.migrate.handler import fail

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
Declare = Callable[..., "Forge"]
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")
CUSTOMERS = range(1, 9)
REMOVED = "DELETE FROM olist.orders; DELETE FROM olist.customers WHERE right(customer_id, 1) = '1'"


@dataclass
class Shop:
    """Customers, sellers, and orders of customers; the customers have most of the bytes. Each was migrated."""

    forge: Forge
    make_csv: MakeCsv

    def put(self, city: str = "a", orders: range = range(1, 3), customer: int = 0) -> None:
        """Upload all files; the customers are in ranges, which are scanned. ``customer``: of all orders."""
        customers = [{"customer_id": n} for n in (*CUSTOMERS, 3)]
        ordered = [{"order_id": n, "customer_id": customer or n} for n in orders]
        self.forge.put(
            customers=self.make_csv("customers", *customers),
            sellers=self.make_csv("sellers", {"seller_id": 1, "seller_city": city}),
            orders=self.make_csv("orders", *ordered),
        )

    def migration(self, **document: Any) -> Migration:
        tables = {"tables": ["customers", "sellers", "orders"], "quality_threshold": 0}
        return knowing(self.forge.migration(tables | document, chunk_bytes=256))

    def run(self, **document: Any) -> tuple[list[str], dict[str, tuple[int, ...]]]:
        """The known tables of a run, and the counts by table."""
        return known(self.migration(**document))


def knowing(run: Migration) -> Migration:
    run.may_know = True
    return run


def known(run: Migration, **before: Callable[[], Any]) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    output = run.run(**before)
    counts = {table["table"]: tuple(table[name] for name in COUNTS) for table in output["tables"]}
    return list(output["known_tables"]), counts


@pytest.fixture
def shop(forge: Forge, make_csv: MakeCsv) -> Shop:
    shop = Shop(forge, make_csv)
    shop.put()
    shop.run()
    return shop


UNCHANGED = {"customers": (9, 0, 8, 1, 0), "sellers": (1, 0, 1, 0, 0), "orders": (2, 0, 2, 0, 0)}
ALL = list(UNCHANGED)


def test_files_that_are_uploaded_again_are_known_by_their_content(shop: Shop) -> None:
    shop.put()
    run = shop.migration().until("load")
    # A Distributed Map may refuse an empty list: one item, whose chunk counts as loaded.
    assert len(run.items["load"]) == 1
    progress = shop.forge.s3.list_objects_v2(Bucket="report", Prefix=run.items["load"][0]["progress"])
    assert {item["Key"].split("/")[-2] for item in progress["Contents"]} >= set(ALL)
    for step in ("load", "settle", "reconcile", "publish"):
        run.take(step)
    assert run.take("report")["known_tables"] == ALL
    shop.put()
    assert shop.run(on_conflict="update") == (ALL, UNCHANGED)


def test_table_whose_file_changed_is_loaded_alone(shop: Shop) -> None:
    shop.put(city="b")
    assert shop.run() == (["customers", "orders"], UNCHANGED | {"sellers": (1, 0, 0, 0, 1)})
    # The run rejected a record of sellers.
    assert shop.run(on_conflict="update") == (
        ["customers", "orders"],
        UNCHANGED | {"sellers": (1, 1, 0, 0, 0)},
    )
    # Its rows are too young to be recorded by the transaction that wrote them.
    assert shop.run() == (["customers", "orders"], UNCHANGED)
    assert shop.run() == (ALL, UNCHANGED)
    assert shop.forge.database.query("SELECT seller_city FROM olist.sellers") == [("b",)]


def test_children_find_their_parents_in_a_known_table(shop: Shop) -> None:
    shop.put(orders=range(1, 5))
    assert shop.run() == (["customers", "sellers"], UNCHANGED | {"orders": (4, 2, 2, 0, 0)})
    shop.put(orders=range(5, 10))
    assert shop.run() == (["customers", "sellers"], UNCHANGED | {"orders": (5, 4, 0, 0, 1)})


@pytest.mark.parametrize(
    ("step", "attended"),
    [("settle", None), ("publish", None), pytest.param("publish", 60, marks=pytest.mark.slow)],
)
def test_known_table_that_is_written_meanwhile_is_loaded(
    shop: Shop, step: str, attended: float | None
) -> None:
    shop.put(orders=range(1, 5))
    run = shop.migration()
    run.attended_seconds = attended
    found = known(run, **{step: lambda: shop.forge.database.query(REMOVED)})
    assert found == (
        [],
        {"customers": (9, 1, 7, 1, 0), "sellers": UNCHANGED["sellers"], "orders": (4, 4, 0, 0, 0)},
    )
    assert len(shop.forge.rows("customers")) == len(CUSTOMERS)


def test_resumed_run_proves_again_that_its_known_tables_are_unwritten(shop: Shop) -> None:
    shop.put(orders=range(1, 5))
    run = shop.migration().until("settle")
    fail(run.control, shop.forge.s3, run.settings, run.execution, {"Error": "Unavailable", "Cause": "{}"})
    shop.forge.database.query(REMOVED)
    _, counts = known(knowing(shop.forge.migration({"resume": run.id})))
    assert counts["customers"] == (9, 1, 7, 1, 0)
    assert len(shop.forge.rows("customers")) == len(CUSTOMERS)


def test_run_that_another_code_planned_is_not_recorded(shop: Shop) -> None:
    run = shop.migration().until("publish")
    shop.forge.database.query(
        "UPDATE dataforge.migrations SET digest = 'another' WHERE migration_id = %s", run.id
    )
    run.take("publish")
    assert shop.run() == ([], UNCHANGED)
