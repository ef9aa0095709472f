"""A restore is refused if the database may hide rows of its tables or of their children."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dataforge.errors import RowSecurity, TableChanged

if TYPE_CHECKING:
    from tests.postgres.restore.conftest import Vault

NONE = "DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"


@pytest.fixture(autouse=True)
def disabled_again(vault: Vault) -> Iterator[None]:
    yield
    vault.database.query(f"ALTER TABLE olist.orders {NONE}; ALTER TABLE olist.customers {NONE}")
    vault.database.query("DROP TABLE IF EXISTS public.visits")


@pytest.mark.parametrize(
    "how", ["ENABLE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"]
)
@pytest.mark.parametrize("table", ["customers", "orders"])
def test_restore_refuses_table_and_referencing_table_with_row_security(
    vault: Vault, how: str, table: str
) -> None:
    vault.insert("customers", {"customer_id": 1}, {"customer_id": 2})
    backup = vault.backup("customers")
    vault.database.query("DELETE FROM olist.customers")
    vault.database.query(f"ALTER TABLE olist.{table} {how}")
    with pytest.raises(RowSecurity, match=rf"olist\.{table}"):
        vault.restore(table="customers", backup=backup.backup_id).run()
    assert vault.rows("customers") == []
    assert vault.leftovers() == []


def test_restore_refuses_row_security_that_was_enabled_while_it_ran(vault: Vault) -> None:
    vault.insert("customers", {"customer_id": 1})
    backup = vault.backup("customers")
    vault.database.query("DELETE FROM olist.customers")
    restore = vault.restore(table="customers", backup=backup.backup_id)
    enable = "ALTER TABLE olist.customers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    with pytest.raises(RowSecurity, match=r"olist\.customers"):
        restore.run(switch=lambda: vault.database.query(enable))
    assert vault.rows("customers") == []


def test_restore_refuses_undeclared_child_table_with_row_security(vault: Vault) -> None:
    vault.insert("customers", {"customer_id": 1})
    backup = vault.backup("customers")
    vault.insert("customers", {"customer_id": 2})
    vault.database.query(
        "CREATE TABLE public.visits (customer_id text REFERENCES olist.customers);"
        "GRANT ALL ON public.visits TO dataforge_restore_run; ALTER TABLE public.visits ENABLE ROW LEVEL SECURITY"
    )
    with pytest.raises(RowSecurity, match=r"public\.visits"):
        vault.restore(table="customers", backup=backup.backup_id).run()
    assert len(vault.rows("customers")) == 2


CHANGES = {
    "ALTER TABLE olist.sellers RENAME seller_city TO city": "ALTER TABLE olist.sellers RENAME city TO seller_city",
    "ALTER TABLE olist.sellers RENAME TO gone": "ALTER TABLE olist.gone RENAME TO sellers",
    "REVOKE UPDATE ON olist.sellers FROM dataforge_restore_run": (
        "GRANT UPDATE ON olist.sellers TO dataforge_restore_run"
    ),
    "ALTER TABLE olist.sellers RENAME TO gone; CREATE VIEW olist.sellers AS TABLE olist.gone": (
        "DROP VIEW olist.sellers; ALTER TABLE olist.gone RENAME TO sellers"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_restore_names_the_missing_privilege(vault: Vault, change: str) -> None:
    backup = vault.backup("sellers")
    vault.database.query(change)
    try:
        with pytest.raises(TableChanged, match=r"^olist\.sellers "):
            vault.restore(table="sellers", backup=backup.backup_id).run()
    finally:
        vault.database.query(CHANGES[change])
