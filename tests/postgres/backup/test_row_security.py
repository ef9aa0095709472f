"""A backup refuses tables whose rows the database may hide, and tables that include rows of child tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dataforge.backups.verification import read_verification
from dataforge.errors import RowSecurity, TableChanged

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Vault
    from tests.postgres.conftest import Database

SECURE = "ALTER TABLE olist.sellers ENABLE ROW LEVEL SECURITY"
POLICY = f"{SECURE}; CREATE POLICY mine ON olist.sellers FOR SELECT USING (seller_state = 'SP')"


@pytest.fixture(autouse=True)
def disabled_again(module_database: Database) -> Iterator[None]:
    """Ends before the vault, whose end releases the snapshots and so the tables."""
    yield
    module_database.query("DROP POLICY IF EXISTS mine ON olist.sellers; DROP TABLE IF EXISTS public.more")
    module_database.query("ALTER TABLE olist.sellers DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")


@pytest.mark.parametrize("statement", [SECURE, POLICY])
def test_backup_refuses_table_with_row_security(vault: Vault, statement: str) -> None:
    vault.fill(3)
    vault.database.query(statement)
    with pytest.raises(RowSecurity, match=r"olist\.sellers"):
        vault.backup({"verify": True}).run()
    assert vault.objects() == []
    assert vault.back_up({"tables": ["customers"]}).table("customers").rows == 3


def test_backup_refuses_row_security_that_was_enabled_while_it_ran(vault: Vault) -> None:
    vault.fill(3)
    backup = vault.backup({"tables": ["sellers"]})
    backup.begin()
    vault.database.query(SECURE)
    backup.hold()
    with pytest.raises(RowSecurity, match=r"olist\.sellers"):
        backup.plan()


def test_backup_refuses_table_with_child_table(vault: Vault) -> None:
    vault.database.query("CREATE TABLE public.more () INHERITS (olist.sellers)")
    with pytest.raises(TableChanged, match=r"public\.more"):
        vault.backup({"tables": ["sellers"]}).run()


CHANGES = {
    "ALTER TABLE olist.sellers RENAME seller_city TO city": "ALTER TABLE olist.sellers RENAME city TO seller_city",
    "ALTER TABLE olist.sellers RENAME TO gone": "ALTER TABLE olist.gone RENAME TO sellers",
    "REVOKE SELECT ON olist.sellers FROM dataforge_backup": "GRANT SELECT ON olist.sellers TO dataforge_backup",
    "ALTER TABLE olist.sellers ADD more text": "ALTER TABLE olist.sellers DROP more",
    "ALTER TABLE olist.sellers RENAME TO gone; CREATE VIEW olist.sellers AS TABLE olist.gone": (
        "DROP VIEW olist.sellers; ALTER TABLE olist.gone RENAME TO sellers"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_backup_names_the_missing_privilege(vault: Vault, change: str) -> None:
    vault.database.query(change)
    try:
        with pytest.raises(TableChanged, match=r"^olist\.sellers "):
            vault.backup({"tables": ["sellers"]}).run()
    finally:
        vault.database.query(CHANGES[change])


def test_older_backup_is_verified_while_row_security_is_enabled(vault: Vault) -> None:
    vault.fill(3)
    backup_id = vault.back_up({"tables": ["sellers"]}).backup_id
    vault.database.query(SECURE)
    vault.backup({"verify_only": backup_id}).run()
    verification = read_verification(vault.s3, "backup", "olist", backup_id)
    assert verification is not None
    assert verification.verified
