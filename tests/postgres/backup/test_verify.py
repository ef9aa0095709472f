"""Verification finds every kind of damage, and says what was proven, how and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from dataforge.backups import manifest
from dataforge.errors import DamagedBackup, NoSuchBackup

if TYPE_CHECKING:
    from dataforge.backups.manifest import Verification
    from tests.postgres.backup.conftest import Vault

BUCKET = "backup"
ORDERS = "orders/part-00000.parquet"


@pytest.fixture
def backup_id(vault: Vault) -> str:
    """A backup of customers and orders, not verified."""
    vault.fill(50)
    return vault.back_up({"tables": ["customers", "orders"]}).backup_id


def verification(vault: Vault, backup_id: str) -> Verification:
    found = manifest.read_verification(vault.s3, BUCKET, "olist", backup_id)
    assert found is not None
    return found


def test_sound_backup_is_marked_with_how_when_and_how_long(vault: Vault, backup_id: str) -> None:
    assert manifest.read_verification(vault.s3, BUCKET, "olist", backup_id) is None
    answer = vault.backup({"verify_only": backup_id}).run()
    assert (answer["backup_id"], answer["verified"]) == (backup_id, True)
    found = verification(vault, backup_id)
    assert (found.verified, found.how, found.faults) == (True, ("files", "restored"), ())
    assert 0 < found.seconds < 60
    assert isinstance(found.verified_at, datetime)
    # Nothing of the scratch tables is left, and no lease was taken.
    assert vault.database.query("SELECT relname FROM pg_class WHERE relpersistence = 't'") == []


def test_backup_above_the_limit_is_only_read_back(vault: Vault, backup_id: str) -> None:
    vault.backup({"verify_only": backup_id}, scratch_bytes=10).run()
    assert verification(vault, backup_id).how == ("files",)


def flip(position: Callable[[int], int]) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        at = position(len(body))
        return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]

    return change


DAMAGES = {
    "magic": flip(lambda size: 1),
    "page": flip(lambda size: 60),
    "middle": flip(lambda size: size // 2),
    "footer": flip(lambda size: size - 40),
    "footer length": flip(lambda size: size - 6),
    "last byte": flip(lambda size: size - 1),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_flipped_bit_is_found_wherever_it_is(vault: Vault, backup_id: str, name: str) -> None:
    vault.damage(f"olist/{backup_id}/{ORDERS}", DAMAGES[name])
    with pytest.raises(DamagedBackup, match=rf"{ORDERS} is not what was written"):
        vault.backup({"verify_only": backup_id}).run()
    found = verification(vault, backup_id)
    assert not found.verified
    assert found.how == ("files",)
    assert ORDERS in found.faults[0]


def test_truncated_missing_and_extra_files_are_named_together(vault: Vault, backup_id: str) -> None:
    folder = f"olist/{backup_id}/"
    vault.damage(folder + ORDERS, lambda body: body[:-1])
    vault.s3.delete_object(Bucket=BUCKET, Key=f"{folder}customers/part-00000.parquet")
    vault.s3.put_object(Bucket=BUCKET, Key=f"{folder}customers/part-00001.parquet", Body=b"")
    with pytest.raises(DamagedBackup) as raised:
        vault.backup({"verify_only": backup_id}).run()
    for words in (
        "customers/part-00001.parquet does not belong to it",
        "customers/part-00000.parquet is missing",
        f"{ORDERS} has",
    ):
        assert words in str(raised.value)


def test_file_with_the_right_checksum_and_wrong_rows_is_found_by_its_hash(
    vault: Vault, backup_id: str
) -> None:
    """As if the backup itself had written other values than PostgreSQL hashed."""
    key = f"olist/{backup_id}/manifest.json"
    right = vault.manifest(backup_id).table("orders").content_hash
    vault.damage(key, lambda body: body.replace(right.encode(), b"0123456789abcdef"))
    with pytest.raises(
        DamagedBackup, match=f"orders has 50 rows with the hash {right}, not 50 with 0123456789abcdef"
    ):
        vault.backup({"verify_only": backup_id}).run()


def test_columns_that_are_not_those_of_their_fingerprint_are_found(vault: Vault, backup_id: str) -> None:
    vault.damage(
        f"olist/{backup_id}/manifest.json",
        lambda body: body.replace(b'"nullable": true', b'"nullable": false'),
    )
    with pytest.raises(DamagedBackup, match="the fingerprint of orders is not that of its columns"):
        vault.backup({"verify_only": backup_id}).run()


def test_rows_that_break_a_rule_are_found_by_restoring_them(vault: Vault) -> None:
    vault.fill(20)
    vault.database.query("ALTER TABLE olist.orders DROP CONSTRAINT orders_customer_id_fkey")
    try:
        vault.database.query("DELETE FROM olist.customers WHERE customer_id < '8'")
        with pytest.raises(DamagedBackup, match=r"cannot be restored.*orders_customer_id_fkey"):
            vault.backup({"tables": ["customers", "orders"], "verify": True}).run()
    finally:
        vault.database.query(
            "DELETE FROM olist.orders; ALTER TABLE olist.orders ADD CONSTRAINT orders_customer_id_fkey"
            " FOREIGN KEY (customer_id) REFERENCES olist.customers (customer_id)"
        )


def test_backup_that_is_not_there_and_a_manifest_that_is_none_are_named(vault: Vault, backup_id: str) -> None:
    unknown = "20260101T000000Z-00000000"
    with pytest.raises(NoSuchBackup, match=unknown):
        vault.backup({"verify_only": unknown}).run()
    vault.damage(f"olist/{backup_id}/manifest.json", lambda body: body[:-10])
    with pytest.raises(DamagedBackup, match=r"manifest\.json is no manifest"):
        vault.backup({"verify_only": backup_id}).run()
