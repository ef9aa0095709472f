"""Retention deletes expired backups, but never the newest verified backup of a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dataforge.backups.manifest import Kind, Manifest, TableEntry, write
from dataforge.backups.verification import Verification, write_verification
from dataforge.runs.ids import new_id
from dataforge.s3.keys import backup_folder
from dataforge.settings import BackupSettings
from functions.backup.expire import StoredBackup, delete, expired

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.backup.conftest import Vault

BUCKET = "backup"
NOW = datetime(2026, 11, 25, tzinfo=UTC)
SETTINGS = BackupSettings(
    db_host="h",
    db_name="d",
    db_user="u",
    backup_bucket="b",
    report_bucket="r",
    keep_count=3,
    keep_days=10,
    safety_days=5,
)


def manifest(days: float, tables: str = "a", kind: Kind = "backup") -> Manifest:
    """A backup of some days ago, of tables that are named by letters."""
    made = NOW - timedelta(days=days)
    entries = tuple(
        TableEntry(
            table=name,
            rows=0,
            content_hash="0" * 16,
            schema_fingerprint="0" * 64,
            columns=(),
            files=(),
        )
        for name in tables
    )
    backup_id = new_id(made, f"{days} {tables} {kind}")
    return Manifest(backup_id=backup_id, dataset="olist", kind=kind, created_at=made, tables=entries)


def removed(*kept: StoredBackup) -> list[float]:
    """The ages in days of the deleted backups."""
    ids = set(expired(kept, NOW, SETTINGS))
    return sorted((NOW - k.backup.created_at) / timedelta(days=1) for k in kept if k.backup.backup_id in ids)


def test_young_newest_and_newest_verified_backups_are_retained() -> None:
    young = [StoredBackup(manifest(days), verified=False) for days in (1, 2, 3, 4)]
    old = [StoredBackup(manifest(days), verified=days in (12, 14)) for days in (11, 12, 13, 14)]
    assert removed(*young, *old) == [11, 13, 14]
    assert removed(*old) == [14]
    assert removed() == []


def test_newest_verified_backup_of_a_table_is_retained_if_later_ones_lack_the_table() -> None:
    proofs = [
        StoredBackup(manifest(20, "ab"), verified=True),
        StoredBackup(manifest(30, "abc"), verified=True),
    ]
    later = [StoredBackup(manifest(days, "a"), verified=True) for days in (1, 2, 3)]
    assert removed(*proofs, *later, StoredBackup(manifest(40, "abc"), verified=True)) == [40]


def test_backups_that_are_not_in_the_ledger_take_the_place_of_no_signed_one() -> None:
    signed = [StoredBackup(manifest(days), verified=days == 33, known=True) for days in (31, 32, 33, 34)]
    planted = [StoredBackup(manifest(days), verified=True) for days in (11, 12, 13, 14)]
    assert removed(*signed, *planted) == [12, 13, 14, 34]


def test_safety_backups_expire_by_their_own_limit_and_exports_never() -> None:
    others = [StoredBackup(manifest(days, kind="safety"), verified=False) for days in (4, 6)]
    others += [StoredBackup(manifest(99, kind="export"), verified=False)]
    assert removed(*others) == [6]


FOUND = st.tuples(st.integers(0, 60), st.sets(st.sampled_from("abc"), min_size=1), st.booleans())


@given(st.lists(FOUND, max_size=12, unique_by=lambda found: found[0]))
def test_every_verified_table_retains_a_verified_backup(found: list[tuple[int, set[str], bool]]) -> None:
    kept = [
        StoredBackup(manifest(days, "".join(sorted(tables))), verified) for days, tables, verified in found
    ]
    ids = set(expired(kept, NOW, SETTINGS))
    left = [k for k in kept if k.backup.backup_id not in ids]

    def proven(some: list[StoredBackup]) -> set[str]:
        return {entry.table for k in some if k.verified for entry in k.backup.tables}

    assert proven(left) == proven(kept)
    assert len(left) >= min(SETTINGS.keep_count, len(kept))


def test_expired_and_incomplete_backups_are_deleted_and_backups_being_written_are_not(vault: Vault) -> None:
    now = datetime.now(UTC)
    old, newer, leftover, others = (new_id(now - timedelta(days=days), "x") for days in (50, 40, 20, 2))
    for backup_id, days in ((old, 50), (newer, 40)):
        made = manifest(0).model_copy(
            update={"backup_id": backup_id, "created_at": now - timedelta(days=days), "tables": ()}
        )
        vault.s3.put_object(Bucket=BUCKET, Key=f"{made.folder}a/part-00000.parquet", Body=b"")
        write(vault.s3, BUCKET, made)
    proof = Verification(backup_id=old, verified=False, how=("files",), verified_at=now, seconds=1)
    write_verification(vault.s3, BUCKET, "olist", proof)
    for backup_id in (leftover, others):
        vault.s3.put_object(Bucket=BUCKET, Key=f"olist/{backup_id}/a/part-00000.parquet", Body=b"")
    # A run that ended half an hour ago; all of its workers have ended.
    dead = vault.backup()
    dead.begin()
    vault.s3.put_object(Bucket=BUCKET, Key=f"olist/{dead.id}/a/part-00000.parquet", Body=b"")
    vault.database.query(
        "UPDATE dataforge.backups SET status = 'failed', finished_at = now() - interval '30 minutes'"
    )
    vault.database.query("DELETE FROM dataforge.leases")

    answer = vault.backup({"tables": ["sellers"]}, keep_count=2).run()
    assert set(answer["removed"]) == {leftover, dead.id, old}
    left = {key.split("/")[1] for key in vault.objects()}
    assert left == {newer, others, answer["backup_id"]}
    recorded = vault.database.query(
        "SELECT result, object->'backup_ids' FROM dataforge.audit WHERE operation = 'backup_expiry' ORDER BY id"
    )
    assert [(result, set(ids)) for result, ids in recorded] == [
        ("started", {leftover, dead.id, old}),
        ("succeeded", {leftover, dead.id, old}),
    ]


@pytest.mark.parametrize("name", ["manifest.json", "verification.json"])
def test_older_backup_with_invalid_manifest_is_retained_and_fails_no_later_one(
    vault: Vault, name: str
) -> None:
    older = vault.backup({"tables": ["sellers"], "verify": True}).run()["backup_id"]
    vault.damage(f"olist/{older}/{name}", lambda body: body[:-10])
    assert vault.backup({"tables": ["sellers"]}).run()["removed"] == []
    assert vault.s3.get_object(Bucket=BUCKET, Key=f"olist/{older}/{name}")["ContentLength"] > 0


def test_manifest_is_deleted_first(vault: Vault) -> None:
    for name in ("a/part-00000.parquet", "manifest.json", "z/part-00000.parquet"):
        vault.s3.put_object(Bucket=BUCKET, Key=backup_folder("olist", "b") + name, Body=b"")
    asked: list[dict[str, Any]] = []

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(vault.s3, name)

        def delete_objects(self, **call: Any) -> object:
            asked.append(call["Delete"])
            return vault.s3.delete_objects(**call)

    delete(cast("S3Client", Watched()), BUCKET, backup_folder("olist", "b"))
    assert asked[0]["Objects"][0] == {"Key": "olist/b/manifest.json"}
    assert vault.objects() == []
