"""Backups of tables without a key, and with generated keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.backups import manifest
from dataforge.backups.verification import read_verification
from tests.postgres.bags import declare_bags

if TYPE_CHECKING:
    import pytest

    from tests.postgres.backup.conftest import Vault


def test_backup_of_copies_is_complete_and_restored_on_trial(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_bags(vault.database, monkeypatch)
    vault.database.query(
        "INSERT INTO bags.birds VALUES ('owl');"
        "INSERT INTO bags.sightings (number) SELECT n %% 3 FROM generate_series(1, 90) n;"
        "INSERT INTO bags.remarks (note) VALUES (NULL), ('a');"
        "INSERT INTO bags.ringings (bird) VALUES ('owl'), ('owl')"
    )
    answer = vault.backup({"dataset": "bags", "verify": True}).run()
    found = manifest.read(vault.s3, "backup", "bags", answer["backup_id"])
    assert {t.table: t.rows for t in found.tables} == {
        "birds": 1,
        "sightings": 90,
        "remarks": 2,
        "ringings": 2,
    }
    verification = read_verification(vault.s3, "backup", "bags", answer["backup_id"])
    assert verification is not None
    assert (verification.how, verification.faults) == (("files", "restored"), ())
    vault.database.query("DROP SCHEMA bags CASCADE")
