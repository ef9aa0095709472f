"""A backup is the exact state of one instant, and exists only once it is complete."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pandas as pd
import psycopg2.errors
import pytest

from dataforge.backups import manifest
from dataforge.errors import (
    BackupExists,
    DamagedBackup,
    InvalidInput,
    LeaseLost,
    NotReconciled,
    TableChanged,
    UnknownDataset,
    UnknownTable,
)
from dataforge.postgres.connection import transaction
from functions.backup.write_file import write_file

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Vault

BUCKET = "backup"


def sums(vault: Vault, table: str) -> tuple[int, str]:
    """The current row count and content hash of a table."""
    text = f"SELECT count(*), coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint), 0) FROM olist.{table} t"
    ((rows, total),) = vault.database.query(text)
    return rows, f"{int(total) % 2**64:016x}"


def test_backup_has_every_table_with_its_rows_hash_and_files(vault: Vault) -> None:
    vault.fill(500)
    answer = vault.backup({"verify": True}, part_bytes=16384).run()
    backup = vault.manifest(answer["backup_id"])
    assert answer["manifest"] == f"s3://{BUCKET}/olist/{backup.backup_id}/manifest.json"
    assert (backup.kind, backup.dataset, answer["verified"]) == ("backup", "olist", True)
    assert {entry.table for entry in backup.tables} >= {"orders", "order_reviews", "geolocations"}
    for entry in backup.tables:
        assert (entry.rows, entry.content_hash) == sums(vault, entry.table)
        assert sum(file.rows for file in entry.files) == entry.rows
    orders = backup.table("orders")
    assert len(orders.files) > 2
    assert orders.files[1].key == "orders/part-00001.parquet"
    assert min(file.rows for file in orders.files) > 10
    listed = {f"{backup.folder}{f.key}" for entry in backup.tables for f in entry.files}
    assert set(vault.objects()) == listed | {
        backup.folder + "manifest.json",
        backup.folder + "manifest.sig.json",
        backup.folder + "verification.json",
    }
    assert vault.database.query("SELECT * FROM dataforge.leases") == []
    assert vault.database.query("SELECT * FROM dataforge.snapshots") == []


def test_pandas_reads_the_files(vault: Vault) -> None:
    vault.fill(3)
    backup = vault.back_up({"tables": ["orders"]})
    (file,) = backup.table("orders").files
    body = vault.s3.get_object(Bucket=BUCKET, Key=backup.folder + file.key)["Body"].read()
    frame = pd.read_parquet(io.BytesIO(body))
    assert frame["order_purchase_timestamp"].tolist() == [pd.Timestamp("2018-01-31 10:00:00")] * 3
    assert frame["order_approved_at"].isna().all()
    assert [entry.table for entry in backup.tables] == ["orders"]


def test_backup_ignores_changes_after_its_snapshot(vault: Vault) -> None:
    vault.fill(200)
    before = {name: sums(vault, name) for name in ("customers", "orders")}
    backup = vault.backup(part_bytes=8192)
    backup.begin()
    backup.hold()
    vault.database.query("DELETE FROM olist.orders WHERE order_id < '8'")
    backup.plan()
    vault.database.query(
        "INSERT INTO olist.customers SELECT md5('more' || n), md5('a'), '01037', 'rio', 'RJ' FROM generate_series(1, 500) n"
    )
    backup.write()
    backup.finish()
    found = vault.manifest(backup.id)
    assert {name: (found.table(name).rows, found.table(name).content_hash) for name in before} == before
    assert sums(vault, "customers")[0] == 700


def test_retried_page_range_counts_once_and_writes_the_same_file(vault: Vault) -> None:
    vault.fill(100)
    backup = vault.backup({"tables": ["sellers"]})
    backup.begin()
    backup.hold()
    backup.plan()
    backup.write()
    first = vault.database.query("SELECT rows, sha256, etag FROM dataforge.backup_parts")
    backup.write()
    # As after a worker that was killed before it recorded its file in the ledger.
    vault.database.query("UPDATE dataforge.backup_parts SET rows = NULL")
    backup.write()
    assert vault.database.query("SELECT rows, sha256, etag FROM dataforge.backup_parts") == first
    backup.finish()
    assert backup.finish().endswith("manifest.json")
    assert vault.manifest(backup.id).table("sellers").rows == 100


@pytest.mark.slow
@pytest.mark.parametrize("when", ["hold", "write", "finish"])
def test_closed_backup_has_no_files_and_next_backup_can_begin(vault: Vault, when: str) -> None:
    vault.fill(10)
    backup = vault.backup()
    backup.begin()
    holder = backup.hold()
    backup.plan()
    if when != "hold":
        backup.write()
    if when == "finish":
        backup.finish()
    assert backup.end("aborted") == backup.id
    assert holder.result(timeout=20) == {"done": True}
    assert bool(vault.objects()) == (when == "finish")
    if when == "hold":
        with pytest.raises(LeaseLost, match="aborted"):
            write_file(backup.db, vault.s3, backup.settings, backup.items[0])
    if when == "write":
        with pytest.raises(LeaseLost, match="aborted"):
            backup.finish()
    assert vault.back_up().table("orders").rows == 10


def test_second_backup_of_a_leased_table_names_the_first_run(vault: Vault) -> None:
    first = vault.backup({"tables": ["orders", "sellers"]})
    assert first.begin()["holder"] == ""
    assert first.begin()["holder"] == ""
    second = vault.backup({"tables": ["customers", "orders"]})
    assert second.begin()["holder"] == first.execution
    assert vault.backup({"tables": ["customers"]}).begin()["holder"] == ""
    # The state machine reads the state of the other execution; if it has ended, its lease is released.
    assert vault.backup({"tables": ["orders"]}).begin(dead=first.execution)["holder"] == ""
    assert vault.database.query(
        "SELECT status FROM dataforge.backups WHERE execution = %s", first.execution
    ) == [("stopped",)]


@pytest.mark.parametrize(
    ("document", "error", "words"),
    [
        ([], InvalidInput, "input"),
        ({"table": "orders"}, InvalidInput, "dataset, tables, verify, verify_only"),
        ({"dataset": "x"}, UnknownDataset, "'x'"),
        ({"tables": ["x"]}, UnknownTable, "'x'"),
        ({"tables": []}, InvalidInput, "tables"),
        ({"verify_only": "../x"}, InvalidInput, "verify_only"),
        (
            {"verify_only": "20261125T205118Z-16c5ab8d", "tables": ["orders"]},
            InvalidInput,
            "cannot be combined with tables",
        ),
        ({"verify_only": "٢٠٢٦1125T205118Z-16c5ab8d"}, InvalidInput, "verify_only"),
    ],
)
def test_wrong_input_is_named(vault: Vault, document: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        vault.backup(document).begin()


def test_manifest_of_another_run_is_not_replaced(vault: Vault) -> None:
    backup = vault.backup({"tables": ["sellers"]})
    backup.begin()
    backup.hold()
    backup.plan()
    backup.write()
    key = f"olist/{backup.id}/manifest.json"
    vault.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    with pytest.raises(BackupExists, match=backup.id):
        backup.finish()
    assert vault.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"{}"


def test_finish_refuses_missing_or_changed_files(vault: Vault) -> None:
    vault.fill(5)
    backup = vault.backup({"tables": ["customers", "sellers"]})
    backup.begin()
    backup.hold()
    backup.plan()
    write_file(backup.db, vault.s3, backup.settings, backup.items[0])
    with pytest.raises(NotReconciled, match="sellers/part-00000"):
        backup.finish()
    backup.write()
    folder = f"olist/{backup.id}/"
    vault.damage(f"{folder}customers/part-00000.parquet", lambda body: body + b"x")
    vault.s3.delete_object(Bucket=BUCKET, Key=f"{folder}sellers/part-00000.parquet")
    vault.s3.put_object(Bucket=BUCKET, Key=f"{folder}other", Body=b"")
    with pytest.raises(DamagedBackup) as raised:
        backup.finish()
    for words in (
        "customers/part-00000.parquet was replaced",
        "sellers/part-00000.parquet is missing",
        "other does not belong",
    ):
        assert words in str(raised.value)
    assert manifest.find(vault.s3, BUCKET, "olist", backup.id) is None


def test_backup_refuses_undeclared_column_and_names_it(vault: Vault) -> None:
    vault.database.query("ALTER TABLE olist.sellers ADD rating integer, ALTER seller_city DROP NOT NULL")
    try:
        with pytest.raises(TableChanged, match="column rating is unknown; column seller_city may be NULL"):
            vault.back_up({"tables": ["sellers"]})
    finally:
        vault.database.query("ALTER TABLE olist.sellers DROP rating, ALTER seller_city SET NOT NULL")
    assert vault.objects() == []


def test_backup_role_can_read_tables_but_not_write_them(vault: Vault) -> None:
    db = vault.database.connect("dataforge_backup")
    for statement in (
        "DELETE FROM olist.orders",
        "CREATE TABLE olist.x ()",
        "SELECT * FROM dataforge.rejections",
        "LOCK TABLE olist.orders IN EXCLUSIVE MODE",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege), transaction(db) as cursor:
            cursor.execute(statement)
