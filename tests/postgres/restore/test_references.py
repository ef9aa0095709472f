"""Restoring tables with unique constraints, and tables that reference each other in a circle."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import pytest

from dataforge import Integer, Key, Label, References, Row, Unique
from dataforge.postgres.roles import LOGINS
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from functions.schema.apply.apply import apply
from tests.postgres.restore.conftest import ALWAYS_SWAP, NEVER_SWAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.restore.conftest import Vault


class Staff(Row, table="staff"):
    staff_id: Annotated[Integer, Key()]
    store_id: Annotated[Integer, References("stores")]
    code: Annotated[Label, Unique()]
    boss: Annotated[Label, References("staff", to="code")] | None = None
    friend: Annotated[Label, References("staff", to="code", enforced=False)] | None = None


class Store(Row, table="stores"):
    store_id: Annotated[Integer, Key()]
    manager_staff_id: Annotated[Integer, References("staff")]


MODES = pytest.mark.parametrize("swap_rows", [ALWAYS_SWAP, NEVER_SWAP], ids=["swap", "merge"])
_CONSTRAINTS = """
    SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
    WHERE connamespace = 'shops'::regnamespace ORDER BY 1
"""


@pytest.fixture
def shops(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """A database with the dataset ``shops``, a circle of two tables."""
    module = ModuleType("shops")
    vars(module).update(Staff=Staff, Store=Store)
    dataset = read_dataset(module)
    monkeypatch.setitem(DATASETS, "shops", dataset)
    apply(vault.database.connect("master"), dict.fromkeys(LOGINS, "for the tests"), [dataset])
    vault.database.query(
        "BEGIN; SET CONSTRAINTS ALL DEFERRED;"
        "INSERT INTO shops.staff VALUES (1, 10, 'a', NULL, 'none'), (2, 10, 'b', 'a', 'a'), (3, 20, 'c', 'b', NULL);"
        "INSERT INTO shops.stores VALUES (10, 1), (20, 3); COMMIT"
    )
    yield vault
    vault.database.query("DROP SCHEMA shops CASCADE")


@MODES
def test_circle_whose_rows_swapped_unique_values_is_restored(shops: Vault, swap_rows: int) -> None:
    held, constraints = (
        [shops.rows(name, "shops") for name in ("staff", "stores")],
        shops.database.query(_CONSTRAINTS),
    )
    backup = shops.backup(dataset="shops")
    shops.database.query(
        "BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE shops.staff SET boss = NULL;"
        "UPDATE shops.staff SET code = 'x' WHERE code = 'a'; UPDATE shops.staff SET code = 'a' WHERE code = 'b';"
        "UPDATE shops.staff SET code = 'b' WHERE code = 'x'; DELETE FROM shops.staff WHERE staff_id = 3;"
        "DELETE FROM shops.stores WHERE store_id = 20;"
        "INSERT INTO shops.staff VALUES (4, 30, 'c'); INSERT INTO shops.stores VALUES (30, 4); COMMIT"
    )
    output = shops.restore(
        swap_rows, dataset="shops", backup=backup.backup_id, tables=["staff", "stores"]
    ).run()
    assert [shops.rows(name, "shops") for name in ("staff", "stores")] == held
    assert shops.database.query(_CONSTRAINTS) == constraints
    shops.restore(swap_rows, dataset="shops", undo=output["safety_backup"], tables=["staff", "stores"]).run()
    assert shops.database.query("SELECT staff_id, code FROM shops.staff ORDER BY 1") == [
        (1, "b"),
        (2, "a"),
        (4, "c"),
    ]
    assert shops.database.query(_CONSTRAINTS) == constraints
    assert shops.leftovers() == []


@MODES
def test_one_table_of_a_circle_is_restored(shops: Vault, swap_rows: int) -> None:
    constraints = shops.database.query(_CONSTRAINTS)
    backup = shops.backup(dataset="shops")
    shops.database.query("UPDATE shops.staff SET boss = NULL")
    shops.restore(swap_rows, dataset="shops", backup=backup.backup_id, tables=["staff"]).run()
    assert shops.database.query("SELECT boss FROM shops.staff ORDER BY staff_id") == [(None,), ("a",), ("b",)]
    assert shops.database.query(_CONSTRAINTS) == constraints
