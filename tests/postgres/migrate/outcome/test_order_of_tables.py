"""Tables may be resolved in any order and at the same time: the outcome is that of parents before their children."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import Busy, WorkContinues
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATE, MIGRATION_RUN
from dataforge.runs.unattended.work import Unattended
from functions.migrate.plan.waves import waves
from functions.migrate.resolve.resolve import resolve
from functions.migrate.run.migration import MERGE, read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
TABLES = ["customers", "orders", "order_items", "order_payments", "products", "sellers", "geolocations"]
SETTLED = "SELECT settled->>'mode' FROM dataforge.migration_tables WHERE \"table\" = %s"


def numbered(make_csv: MakeCsv, name: str, *keys: str, rows: list[int]) -> bytes:
    """A file of a table with the numbers in these columns."""
    return make_csv(name, *(dict.fromkeys(keys, row) for row in rows))


@pytest.fixture
def loaded(forge: Forge, make_csv: MakeCsv) -> Migration:
    """A run before the tables are resolved: rows with a parent, conflicts, and orphans down to the third generation."""
    forge.put(
        customers=make_csv("customers", *({"customer_id": n, "customer_city": c} for n, c in CUSTOMERS)),
        products=numbered(make_csv, "products", "product_id", rows=[1, 2]),
        sellers=numbered(make_csv, "sellers", "seller_id", rows=[1]),
        orders=numbered(make_csv, "orders", "order_id", "customer_id", rows=[1, 2, 2, 8]),
        order_items=numbered(
            make_csv, "order_items", "order_id", "product_id", "seller_id", rows=[1, 2, 8, 9]
        ),
        order_payments=numbered(make_csv, "order_payments", "order_id", rows=[1, 2, 8]),
        geolocations=numbered(make_csv, "geolocations", rows=[0, 0]),
    )
    return forge.migration({"tables": TABLES, "quality_threshold": 0}).until("settle")


CUSTOMERS = [(1, "a"), (2, "b"), (2, "c"), (3, "d")]
LOADED = {
    "customers": 3,
    "sellers": 1,
    "geolocations": 1,
    "products": 2,
    "orders": 2,
    "order_items": 1,
    "order_payments": 2,
}
REJECTED = ["customers", *["order_items"] * 3, "order_payments", "orders"]


def settle(run: Migration, db: Connection, table: str, how: Unattended | None = None) -> dict[str, Any]:
    return resolve(db, run.forge.s3, run.settings, run.id, table, how=how)


def attended(forge: Forge, seconds: float) -> Unattended:
    """No table is large enough for unattended work."""
    deadline = time.monotonic() + seconds
    return Unattended(lambda: forge.database.connect(MIGRATE), MIGRATION_RUN, 1 << 40, deadline)


def outcome(run: Migration) -> dict[str, int]:
    for step in ("reconcile", "publish", "report"):
        result = run.take(step)
    return {t["table"]: t["loaded"] for t in result["tables"]}


def test_children_may_be_resolved_before_their_parents_are_begun(loaded: Migration) -> None:
    [order] = loaded.waves
    for table in reversed(order):
        settle(loaded, loaded.control, table)
    assert outcome(loaded) == LOADED
    assert loaded.forge.rejections("table") == [(table,) for table in REJECTED]


def test_tables_may_be_resolved_by_several_calls_at_the_same_time(loaded: Migration) -> None:
    def call(table: str) -> None:
        settle(loaded, loaded.forge.database.connect(MIGRATE), table)

    [order] = loaded.waves
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, [*reversed(order), *order]))
    assert outcome(loaded) == LOADED
    assert loaded.forge.rejections("table") == [(table,) for table in REJECTED]


def test_child_is_prepared_before_it_waits_for_its_parent(loaded: Migration) -> None:
    forge = loaded.forge
    guard = forge.database.superuser()
    guard.autocommit = False
    guard.cursor().execute("SELECT FROM dataforge.migration_tables WHERE \"table\" = 'orders' FOR UPDATE")
    with pytest.raises(Busy):
        settle(loaded, loaded.control, "order_payments", attended(forge, 0.2))
    assert forge.database.query(SETTLED, "order_payments") == [("prepared",)]
    guard.rollback()
    loaded.settle()
    assert outcome(loaded) == LOADED


def test_child_that_waited_does_not_resolve_a_parent_whose_rows_are_loaded_again(loaded: Migration) -> None:
    query = loaded.forge.database.query
    query("UPDATE dataforge.migrations SET mode = %s", MERGE)
    query("UPDATE dataforge.migration_chunks SET result = NULL WHERE chunk = 0")
    with pytest.raises(WorkContinues):
        settle(loaded, loaded.control, "order_payments")
    assert query(SETTLED, "orders") == query(SETTLED, "customers") == [(None,)]


@pytest.mark.parametrize(("large", "lists"), [(math.inf, 1), (0, 3)])
def test_only_children_of_small_tables_wait_for_them(loaded: Migration, large: float, lists: int) -> None:
    with transaction(loaded.control, role=MIGRATION_RUN) as cursor:
        found = waves(cursor, read_run(cursor, loaded.id), large)
    assert len(found) == lists
    order = [name for wave in found for name in wave]
    assert sorted(order) == sorted(TABLES)
    assert order.index("customers") < order.index("orders") < order.index("order_items")
