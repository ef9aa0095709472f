"""Restore of a partitioned table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.postgres.partitioned import PARTITION

if TYPE_CHECKING:
    from tests.postgres.restore.conftest import Vault


def test_restore_of_partitioned_table_brings_back_its_rows(vault: Vault) -> None:
    rows = [{"geolocation_lat": n, "geolocation_state": "SP" if n % 2 else "RJ"} for n in range(40)]
    vault.insert("geolocations", *rows[:30])
    before, backup = vault.rows("geolocations"), vault.backup("geolocations")
    vault.database.query("DELETE FROM olist.geolocations")
    vault.database.query(PARTITION)
    vault.insert("geolocations", *rows[10:])
    vault.restore(table="geolocations", backup=backup.backup_id).run()
    assert vault.rows("geolocations") == before
