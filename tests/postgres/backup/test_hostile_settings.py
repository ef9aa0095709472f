"""A backup does not depend on the settings of the database and its roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.backups.verification import read_verification
from tests.postgres.hostile import hostile_settings

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Vault


def test_backup_has_the_same_rows_and_is_verified_under_hostile_settings(vault: Vault) -> None:
    vault.fill(20)
    vault.database.query("UPDATE olist.sellers SET seller_city = 'são 🎉 \\'")
    before = vault.back_up()
    with hostile_settings(vault.database):
        found = vault.back_up({"verify": True})
        names = ("table", "rows", "content_hash")
        assert [[getattr(t, n) for n in names] for t in found.tables] == [
            [getattr(t, n) for n in names] for t in before.tables
        ]
        verification = read_verification(vault.s3, "backup", "olist", found.backup_id)
    assert verification is not None
    assert verification.verified
