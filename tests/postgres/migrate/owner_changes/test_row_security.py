"""A migration is refused if row security may hide rows of a table that it writes or refers to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dataforge.errors import RowSecurity, TableChanged

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
ENABLE = {
    "enabled": "ENABLE ROW LEVEL SECURITY",
    "forced": "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
}


@pytest.mark.parametrize("how", ENABLE)
@pytest.mark.parametrize("table", ["customers", "orders", "order_items"])
def test_migration_refuses_table_parent_and_child_with_row_security(
    forge: Forge, make_csv: MakeCsv, how: str, table: str
) -> None:
    forge.database.query(
        f"ALTER TABLE olist.{table} {ENABLE[how]}; CREATE POLICY mine ON olist.{table} USING (false)"
    )
    forge.put(orders=make_csv("orders", {"order_id": 1}))
    with pytest.raises(RowSecurity, match=rf"olist\.{table} .*DISABLE ROW LEVEL SECURITY"):
        forge.migrate(tables=["orders"])
    assert forge.database.query("SELECT * FROM dataforge.leases") == []


@pytest.mark.parametrize("how", ENABLE)
@pytest.mark.parametrize("filled", [False, True])
def test_migration_refuses_row_security_enabled_during_run(
    forge: Forge, make_csv: MakeCsv, how: str, filled: bool
) -> None:
    if filled:
        forge.database.query("INSERT INTO olist.sellers VALUES (md5('1'), '01037', 'rio', 'RJ')")
    forge.put(sellers=make_csv("sellers", {"seller_id": 1}))
    migration = forge.migration({"tables": ["sellers"]})
    with pytest.raises(RowSecurity, match=r"olist\.sellers"):
        migration.run(publish=lambda: forge.database.query(f"ALTER TABLE olist.sellers {ENABLE[how]}"))
    assert migration.failure["error"] == "RowSecurity" if "error" in migration.failure else migration.failure
    forge.database.query("ALTER TABLE olist.sellers DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
    assert forge.migrate(tables=["sellers"])["sellers"]["loaded"] == 1


def test_migration_refuses_table_with_child_table(forge: Forge, make_csv: MakeCsv) -> None:
    forge.database.query("CREATE TABLE public.more () INHERITS (olist.sellers)")
    forge.put(sellers=make_csv("sellers", {"seller_id": 1}))
    with pytest.raises(TableChanged, match=r"olist\.sellers .*public\.more.*NO INHERIT"):
        forge.migrate(tables=["sellers"])
