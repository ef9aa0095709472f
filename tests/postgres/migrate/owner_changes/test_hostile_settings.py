"""A migration loads the same rows under any settings of the database and its roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.postgres.hostile import hostile_settings

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge


def test_migration_loads_and_merges_the_same_rows_under_hostile_settings(
    used_forge: Forge, make_csv: Callable[..., bytes]
) -> None:
    forge = used_forge
    first = {"customer_id": 1, "customer_city": "são 🎉 \\"}
    orders = make_csv("orders", {"order_id": 1, "customer_id": 1}, {"order_id": 2, "customer_id": 9})
    with hostile_settings(forge.database):
        forge.put(customers=make_csv("customers", first), orders=orders)
        swapped = forge.migrate(tables=["customers", "orders"], quality_threshold=0)
        forge.put(
            customers=make_csv(
                "customers", first, {"customer_id": 2, "customer_state": "🎉"}, {"customer_id": 3}
            )
        )
        merged = forge.migrate(tables=["customers"], quality_threshold=0)
    assert [swapped["orders"][name] for name in ("loaded", "rejected")] == [1, 1]
    assert [merged["customers"][name] for name in ("unchanged", "loaded", "rejected")] == [1, 1, 1]
    assert any("🎉" in row for row in forge.rows("customers"))
