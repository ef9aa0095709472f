"""Verification finds every kind of damage, and records its method and time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from dataforge.backups.verification import read_verification
from dataforge.errors import DamagedBackup, NoSuchBackup

if TYPE_CHECKING:
    from dataforge.backups.verification import Verification
    from tests.postgres.backup.conftest import Vault

BUCKET = "backup"
ORDERS = "orders/part-00000.parquet"


@pytest.fixture
def backup_id(vault: Vault) -> str:
    """A backup of customers and orders, not verified."""
    vault.fill(50)
    return vault.back_up({"tables": ["customers", "orders"]}).backup_id


def verification(vault: Vault, backup_id: str) -> Verification:
    found = read_verification(vault.s3, BUCKET, "olist", backup_id)
    assert found is not None
    return found


def test_verification_records_method_time_and_duration(vault: Vault, backup_id: str) -> None:
    assert read_verification(vault.s3, BUCKET, "olist", backup_id) is None
    answer = vault.backup({"verify_only": backup_id}).run()
    assert (answer["backup_id"], answer["verified"]) == (backup_id, True)
    found = verification(vault, backup_id)
    assert (found.verified, found.how, found.faults) == (True, ("files", "restored"), ())
    assert 0 < found.seconds < 60
    assert isinstance(found.verified_at, datetime)
    # No temporary table remains, and no lease was taken.
    assert vault.database.query("SELECT relname FROM pg_class WHERE relpersistence = 't'") == []


def test_backup_above_the_limit_is_not_restored_on_trial(vault: Vault, backup_id: str) -> None:
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
def test_verification_finds_flipped_bit_anywhere_in_a_file(vault: Vault, backup_id: str, name: str) -> None:
    vault.damage(f"olist/{backup_id}/{ORDERS}", DAMAGES[name])
    with pytest.raises(DamagedBackup, match=rf"{ORDERS} differs from the written file"):
        vault.backup({"verify_only": backup_id}).run()
    found = verification(vault, backup_id)
    assert not found.verified
    assert found.how == ("files",)
    assert ORDERS in found.faults[0]


def test_verification_names_all_truncated_missing_and_extra_files(vault: Vault, backup_id: str) -> None:
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


def test_verification_finds_wrong_rows_under_a_valid_checksum(vault: Vault, backup_id: str) -> None:
    """As if the backup had written other values than those that PostgreSQL hashed."""
    key = f"olist/{backup_id}/manifest.json"
    right = vault.manifest(backup_id).table("orders").content_hash
    vault.damage(key, lambda body: body.replace(right.encode(), b"0123456789abcdef"))
    with pytest.raises(
        DamagedBackup, match=f"orders has 50 rows with the hash {right}, not 50 with 0123456789abcdef"
    ):
        vault.backup({"verify_only": backup_id, "unsigned": True}).run()


def test_verification_finds_columns_that_differ_from_their_fingerprint(vault: Vault, backup_id: str) -> None:
    vault.damage(
        f"olist/{backup_id}/manifest.json",
        lambda body: body.replace(b'"nullable": true', b'"nullable": false'),
    )
    with pytest.raises(DamagedBackup, match="the fingerprint of orders does not match its columns"):
        vault.backup({"verify_only": backup_id, "unsigned": True}).run()


def test_trial_restore_finds_rows_that_violate_a_constraint(vault: Vault) -> None:
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


def test_trial_restore_checks_references_of_a_circle(vault: Vault) -> None:
    vault.database.query(
        "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO company.departments VALUES ('a', 'x', 'X', 1);"
        "INSERT INTO company.employees VALUES ('a', 1, 'one', 'x', NULL, 'b1'), ('a', 2, 'two', 'x', 1, NULL); COMMIT"
    )
    request = {"dataset": "company", "tables": ["departments", "employees"], "verify": True}
    try:
        answer = vault.backup(request).run()
        assert answer["verified"]
        found = read_verification(vault.s3, BUCKET, "company", answer["backup_id"])
        assert found is not None
        assert found.how == ("files", "restored")
        vault.database.query(
            "SET session_replication_role = replica; DELETE FROM company.employees WHERE number = 1"
        )
        with pytest.raises(DamagedBackup, match=r"cannot be restored.*_fkey"):
            vault.backup(request).run()
    finally:
        vault.database.query("TRUNCATE company.departments, company.employees")


def test_verification_names_missing_backup_and_invalid_manifest(vault: Vault, backup_id: str) -> None:
    unknown = "20260101T000000Z-00000000"
    with pytest.raises(NoSuchBackup, match=unknown):
        vault.backup({"verify_only": unknown}).run()
    vault.damage(f"olist/{backup_id}/manifest.json", lambda body: body[:-10])
    with pytest.raises(DamagedBackup, match=r"manifest\.json is not a valid manifest"):
        vault.backup({"verify_only": backup_id}).run()
