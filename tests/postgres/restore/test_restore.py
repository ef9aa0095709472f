"""A restore makes a table equal to its backup, by swap or merge, and writes a safety backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.postgres.restore.conftest import Vault

SWAP, MERGE = 0, 10**9
both = pytest.mark.parametrize("swap_rows", [SWAP, MERGE], ids=["swap", "merge"])


def fill(vault: Vault) -> None:
    """Customers with orders, items and payments."""
    vault.insert("customers", *({"customer_id": n} for n in range(1, 6)))
    vault.insert("sellers", {"seller_id": 1})
    vault.insert("products", {"product_id": 1})
    vault.insert("orders", *({"order_id": n, "customer_id": n} for n in range(1, 4)))
    vault.insert("order_items", *({"order_id": n, "product_id": 1, "seller_id": 1} for n in range(1, 3)))
    vault.insert("order_payments", {"order_id": 1})
    vault.insert(
        "geolocations", {"geolocation_lat": "1.5"}, {"geolocation_lat": "-0"}, {"geolocation_lat": "2"}
    )


def state(vault: Vault) -> dict[str, Any]:
    """All rows, constraints and privileges of the dataset, which must not change."""
    tables = ("customers", "orders", "order_items", "order_payments", "geolocations")
    constraints = (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint"
        " WHERE connamespace = 'olist'::regnamespace ORDER BY 1, 2"
    )
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'olist' ORDER BY 1"
    grants = (
        "SELECT oid::regclass::text, relowner::regrole::text, (SELECT array_agg(a::text ORDER BY a::text)"
        " FROM unnest(relacl) a), obj_description(oid)"
        " FROM pg_class WHERE relnamespace = 'olist'::regnamespace AND relkind = 'r' ORDER BY 1"
    )
    made = {query: vault.database.query(query) for query in (constraints, indexes, grants)}
    return made | {table: vault.rows(table) for table in tables}


@both
def test_restore_repairs_a_damaged_table_and_can_be_undone_from_its_safety_backup(
    vault: Vault, swap_rows: int
) -> None:
    fill(vault)
    before, backup = state(vault), vault.backup()
    vault.database.query(
        "DELETE FROM olist.geolocations WHERE geolocation_lat = 2;"
        "UPDATE olist.geolocations SET geolocation_lat = 0.0 WHERE geolocation_lat = 0"
    )
    vault.insert("geolocations", {"geolocation_lat": "7"}, {"geolocation_lat": "8"})
    damaged = vault.rows("geolocations")
    output = vault.restore(swap_rows, table="geolocations").run()
    assert {name: output[name] for name in ("restored", "added", "removed", "changed")} == {
        "restored": 3,
        "added": 1,
        "removed": 2,
        "changed": 1,
    }
    assert (output["backup"], output["dry_run"]) == (backup.backup_id, False)
    assert (state(vault), vault.leftovers()) == (before, [])

    undone = vault.restore(swap_rows, undo=output["safety_backup"]).run()
    assert (vault.rows("geolocations"), undone["backup"]) == (damaged, output["safety_backup"])
    assert (
        vault.restore(swap_rows, table="geolocations", backup=undone["safety_backup"]).run()["restored"] == 3
    )
    assert state(vault) == before


@both
def test_parents_and_children_are_restored_together(vault: Vault, swap_rows: int) -> None:
    fill(vault)
    before = state(vault)
    vault.backup()
    vault.database.query(
        "DELETE FROM olist.order_items; DELETE FROM olist.order_payments; DELETE FROM olist.orders;"
        "DELETE FROM olist.customers; UPDATE olist.sellers SET seller_city = 'changed'"
    )
    vault.insert("customers", {"customer_id": 99})
    vault.insert("orders", {"order_id": 99, "customer_id": 99})
    tables = ["order_items", "orders", "customers", "order_payments"]
    output = vault.restore(swap_rows, tables=tables).run()
    assert [counts["table"] for counts in output["tables"]] == tables
    assert {name: output[name] for name in ("restored", "added", "removed", "changed")} == {
        "restored": 11,
        "added": 11,
        "removed": 2,
        "changed": 0,
    }
    assert state(vault) == before
    assert vault.rows("sellers")[0].count("changed") == 1


@both
def test_restore_of_one_table_preserves_its_parents_and_children(vault: Vault, swap_rows: int) -> None:
    fill(vault)
    before = state(vault)
    vault.backup()
    vault.database.query(
        "UPDATE olist.orders SET order_status = 'canceled'; DELETE FROM olist.orders WHERE order_id LIKE '%%3'"
    )
    assert vault.restore(swap_rows, table="orders").run()["added"] == 1
    assert state(vault) == before


@pytest.mark.parametrize("attended_seconds", [None, pytest.param(60, marks=pytest.mark.slow)])
def test_table_is_swapped_though_the_owner_dropped_the_foreign_key_of_a_child(
    vault: Vault, attended_seconds: float | None
) -> None:
    fill(vault)
    backup, held = vault.backup("customers"), vault.rows("customers")
    key = "orders_customer_id_fkey"
    vault.database.query(
        f"ALTER TABLE olist.orders DROP CONSTRAINT {key}; UPDATE olist.customers SET customer_city = 'x'"
    )
    try:
        run = vault.restore(SWAP, table="customers", backup=backup.backup_id)
        run.attended_seconds = attended_seconds
        assert run.run()["changed"] == len(held)
    finally:
        vault.database.query(
            f"ALTER TABLE olist.orders ADD CONSTRAINT {key} FOREIGN KEY (customer_id) REFERENCES olist.customers"
        )
    assert (vault.rows("customers"), vault.leftovers()) == (held, [])
