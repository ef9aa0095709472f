"""Exports that are the files of a backup: signed, with the same rows, and intact."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataforge.backups import manifest
from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.runs.exports import Export

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.conftest import Database

TABLE = "Points §"
BACKUP_ID, LATER = "20261125T210000Z-0000000b", "20261125T220000Z-0000000c"
MakeExport = Callable[..., Export]
Store = Callable[..., Manifest]


@pytest.fixture
def made(make_export: MakeExport, with_kitchen: Database) -> Iterator[Export]:
    """An export of a table with three rows."""
    with_kitchen.query(
        f"""INSERT INTO kitchen."{TABLE}" SELECT 'row ' || n, n FROM generate_series(1, 3) n"""
    )
    yield make_export(TABLE)
    with_kitchen.query(f'DELETE FROM kitchen."{TABLE}"; DELETE FROM dataforge.backups')


@pytest.fixture
def store(made: Export, with_kitchen: Database, s3: S3Client) -> Store:
    """Return a function that stores a backup with the rows of the export, recorded as signed unless ``signed`` is False."""

    def write(backup_id: str = BACKUP_ID, *, signed: bool = True, **changes: object) -> Manifest:
        (file,) = made.files
        data = s3.get_object(Bucket=file.bucket, Key=file.key)["Body"].read()
        key = f"{TABLE}/part-00000.parquet"
        entry = TableEntry(
            table=TABLE,
            rows=made.rows,
            content_hash=made.content_hash,
            schema_fingerprint=manifest.fingerprint(made.columns),
            columns=made.columns,
            files=(FileEntry(key=key, rows=made.rows, size=file.size, sha256=file.sha256),),
        )
        backup = Manifest(
            backup_id=backup_id,
            dataset="kitchen",
            kind="backup",
            created_at=datetime(2026, 11, 25, 21, tzinfo=UTC),
            tables=(entry.model_copy(update=changes),),
        )
        s3.put_object(Bucket="backup", Key=backup.folder + key, Body=data)
        record(with_kitchen, backup, manifest.write(s3, "backup", backup), signed=signed)
        return backup

    for item in s3.list_objects_v2(Bucket="backup").get("Contents", ()):
        s3.delete_object(Bucket="backup", Key=item["Key"])
    return write


def record(database: Database, backup: Manifest, reference: manifest.Reference, *, signed: bool) -> None:
    """Record the backup in the ledger, as its run does."""
    database.query(
        "INSERT INTO dataforge.backups (run_id, backup_id, execution, dataset, tables, manifest_version,"
        " manifest_sha256, signed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, CASE WHEN %s THEN now() END)",
        *(backup.backup_id, backup.backup_id, backup.backup_id, backup.dataset, [TABLE], *reference, signed),
    )


def test_signed_backup_with_the_same_rows_is_returned_with_the_versions_of_its_files(
    make_export: MakeExport, with_kitchen: Database, s3: S3Client, made: Export, store: Store
) -> None:
    backup = store()
    # Newer backups with other rows (as after a restore) and unreadable ones do not hide it.
    store(LATER, content_hash="0" * 16)
    s3.put_object(Bucket="backup", Key="kitchen/20261125T215000Z-0000000e/manifest.json", Body=b"{")
    again = make_export(TABLE, export_id="20261125T230000Z-00000002")
    assert (again.backup_id, again.content_hash) == (BACKUP_ID, made.content_hash)
    (file,) = again.files
    stored = s3.head_object(Bucket="backup", Key=backup.folder + backup.tables[0].files[0].key)
    assert (file.key, file.version) == (
        f"kitchen/{BACKUP_ID}/{TABLE}/part-00000.parquet",
        stored["VersionId"],
    )
    assert make_export(TABLE, "ndjson").backup_id is None
    with_kitchen.query(f"""INSERT INTO kitchen."{TABLE}" VALUES ('one more', 1.5)""")
    assert make_export(TABLE).backup_id is None


def test_planted_backup_is_not_exported(
    make_export: MakeExport, s3: S3Client, made: Export, store: Store
) -> None:
    backup = store(signed=False)
    planted = backup.model_copy(update={"backup_id": "99991231T235959Z-00000000"})
    s3.put_object(Bucket="backup", Key=planted.key, Body=planted.model_dump_json().encode())
    assert make_export(TABLE).backup_id is None


def test_backup_whose_manifest_was_replaced_is_not_exported(
    make_export: MakeExport, s3: S3Client, made: Export, store: Store
) -> None:
    backup = store()
    s3.put_object(Bucket="backup", Key=backup.key, Body=backup.model_dump_json(indent=1).encode())
    assert make_export(TABLE).backup_id is None


def other_rows(data: bytes) -> bytes:
    """A valid Parquet file with other rows."""
    rows, out = pq.read_table(io.BytesIO(data)), io.BytesIO()
    pq.write_table(pa.concat_tables([rows.slice(1), rows.slice(1, 1)]), out)
    return out.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data + b" ",
        lambda data: data[:-1],
        other_rows,
        lambda data: None,
    ],
    ids=["byte", "longer", "shorter", "other rows", "missing"],
)
def test_file_that_was_changed_after_the_manifest_was_signed_is_not_exported(
    make_export: MakeExport,
    s3: S3Client,
    made: Export,
    store: Store,
    change: Callable[[bytes], bytes | None],
) -> None:
    backup = store()
    key = backup.folder + backup.tables[0].files[0].key
    changed = change(s3.get_object(Bucket="backup", Key=key)["Body"].read())
    if changed is None:
        s3.delete_object(Bucket="backup", Key=key)
    else:
        s3.put_object(Bucket="backup", Key=key, Body=changed)
    again = make_export(TABLE)
    assert again.backup_id is None
    (file,) = again.files
    data = s3.get_object(Bucket=file.bucket, Key=file.key)["Body"].read()
    assert hashlib.sha256(data).hexdigest() == file.sha256
