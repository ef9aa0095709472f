"""A restore does not depend on the settings of the database and its roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres.hostile import hostile_settings

if TYPE_CHECKING:
    from tests.postgres.restore.conftest import Vault


@pytest.mark.parametrize("swap_rows", [0, 10**9], ids=["swap", "merge"])
def test_restore_brings_back_every_row_under_hostile_settings(vault: Vault, swap_rows: int) -> None:
    vault.insert("customers", *({"customer_id": n, "customer_city": "são 🎉 \\"} for n in range(1, 4)))
    vault.insert("orders", {"order_id": 1, "customer_id": 1})
    before, backup = [vault.rows(name) for name in ("customers", "orders")], vault.backup()
    vault.database.query("DELETE FROM olist.orders; DELETE FROM olist.customers")
    with hostile_settings(vault.database):
        vault.restore(swap_rows, tables=["customers", "orders"], backup=backup.backup_id).run()
    assert [vault.rows(name) for name in ("customers", "orders")] == before
