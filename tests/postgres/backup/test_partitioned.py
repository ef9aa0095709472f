"""Backup and verification of a partitioned table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.postgres.partitioned import PARTITION

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Vault


def test_backup_of_partitioned_table_has_every_row(vault: Vault) -> None:
    vault.database.query(PARTITION)
    vault.database.query(
        "INSERT INTO olist.geolocations SELECT '01037', n, n, 'rio', CASE n %% 2 WHEN 0 THEN 'SP' ELSE 'RJ' END"
        " FROM generate_series(1, 50) n"
    )
    found = vault.back_up({"tables": ["geolocations"], "verify": True})
    assert found.table("geolocations").rows == 50
