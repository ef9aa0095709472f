"""Read and write the manifest of a backup: its tables and their files. A backup without a manifest does not exist.

    <dataset>/<backup_id>/manifest.json              written last, and only once
    <dataset>/<backup_id>/verification.json          written when the files were verified (see ``Verification``)
    <dataset>/<backup_id>/<table>/part-00000.parquet

Manifests are persistent: fields are added, never renamed, and ``format`` changes if an old reader would misread them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, ValidationError

from dataforge.errors import BackupExists, DamagedBackup, NoSuchBackup
from dataforge.records.validate import ROW_HASH
from dataforge.s3.keys import backup_folder, dataset_folder, manifest_key, verification_key
from dataforge.s3.objects import download, translated
from dataforge.tables.catalogue import Table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


FORMAT = "dataforge-backup-1"

Kind = Literal["backup", "safety", "export"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ColumnEntry(_Model):
    """A column at the time of the backup; ``type`` as in DDL."""

    name: str
    type: str
    nullable: bool


class FileEntry(_Model):
    """A Parquet file; ``key`` is relative to the manifest's folder, ``sha256`` is in hexadecimal digits."""

    key: str
    rows: int
    size: int
    sha256: str

    def fault(self, data: bytes | None) -> str:
        """How ``data`` (None: the file is missing) differs from the file; empty if it does not."""
        if data is None:
            return "is missing"
        if len(data) != self.size:
            return f"has {len(data)} bytes, not {self.size}"
        same = hashlib.sha256(data).hexdigest() == self.sha256
        return "" if same else "differs from the written file (by its SHA-256)"


class TableEntry(_Model):
    """A table: its rows, their ``content_hash``, its columns with their fingerprint, its files in order."""

    table: str
    rows: int
    content_hash: str
    schema_fingerprint: str
    columns: tuple[ColumnEntry, ...]
    files: tuple[FileEntry, ...]

    @property
    def fault(self) -> str:
        """The contradiction in the entry; else empty."""
        same = self.schema_fingerprint == fingerprint(self.columns)
        return "" if same else f"the fingerprint of {self.table} does not match its columns"


class Manifest(_Model):
    """A complete backup. ``created_at`` is the time of its snapshot."""

    format: str = FORMAT
    backup_id: str
    dataset: str
    kind: Kind
    created_at: datetime
    row_hash: str = ROW_HASH
    tables: tuple[TableEntry, ...]

    @property
    def folder(self) -> str:
        """The prefix of its objects in the backup bucket."""
        return backup_folder(self.dataset, self.backup_id)

    @property
    def key(self) -> str:
        """The key of the manifest itself."""
        return manifest_key(self.dataset, self.backup_id)

    @property
    def size(self) -> int:
        """The size of all files in bytes."""
        return sum(file.size for table in self.tables for file in table.files)

    def table(self, name: str) -> TableEntry:
        """The entry of a table. Raises ``NoSuchBackup``, which lists the backup's tables."""
        for entry in self.tables:
            if entry.table == name:
                return entry
        known = ", ".join(entry.table for entry in self.tables)
        raise NoSuchBackup(
            f"Backup {self.backup_id} does not contain the table {name!r}.", f"Tables: {known}."
        )


class Verification(_Model):
    """The result of a backup's verification: time, method, duration and faults.

    ``how``: ``files`` means that sizes, SHA-256 and content hashes were recomputed; ``restored``, that the rows were also
    loaded into a scratch schema, where PostgreSQL computed the same hash.
    """

    backup_id: str
    verified: bool
    how: tuple[Literal["files", "restored"], ...]
    verified_at: datetime
    seconds: float
    faults: tuple[str, ...] = ()


def column_entries(table: Table) -> tuple[ColumnEntry, ...]:
    """The table's columns as entries of a manifest."""
    return tuple(ColumnEntry(name=c.name, type=c.type.sql, nullable=c.nullable) for c in table.columns)


def fingerprint(columns: tuple[ColumnEntry, ...]) -> str:
    """SHA-256 over names, types and nullability of columns, in their order."""
    document = [[column.name, column.type, column.nullable] for column in columns]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def write(s3: S3Client, bucket: str, manifest: Manifest) -> str:
    """Write the manifest, the last object of a backup. Returns its S3 URI.

    Idempotent for the same content. Raises ``BackupExists`` if another manifest has this key.
    """
    key, body = manifest.key, manifest.model_dump_json(indent=1).encode()
    try:
        with translated(bucket, key):
            s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"PreconditionFailed", "ConditionalRequestConflict"}:
            raise
        if download(s3, bucket, key) != body:
            raise BackupExists(key) from error
    return f"s3://{bucket}/{key}"


def find(s3: S3Client, bucket: str, dataset: str, backup_id: str) -> Manifest | None:
    """The manifest of a backup, or None if it does not exist. Raises ``DamagedBackup`` if it cannot be read."""
    try:
        return read(s3, bucket, dataset, backup_id)
    except NoSuchBackup:
        return None


def read(s3: S3Client, bucket: str, dataset: str, backup_id: str) -> Manifest:
    """The manifest of a backup. Raises ``NoSuchBackup``, ``DamagedBackup`` (not a valid manifest), ``UnusableBucket``."""
    key = manifest_key(dataset, backup_id)
    body = download(s3, bucket, key)
    if body is None:
        raise NoSuchBackup(f"There is no backup {backup_id!r} of {dataset!r}.", f"{key} does not exist.")
    try:
        manifest = Manifest.model_validate_json(body)
    except ValidationError:
        raise DamagedBackup(backup_id, [f"{key} is not a valid manifest"]) from None
    if (manifest.format, manifest.row_hash) != (FORMAT, ROW_HASH):
        raise DamagedBackup(
            backup_id, [f"{key} is of format {manifest.format} with {manifest.row_hash} hashes"]
        )
    if (manifest.dataset, manifest.backup_id) != (dataset, backup_id):
        raise DamagedBackup(backup_id, [f"{key} is the manifest of {manifest.dataset}/{manifest.backup_id}"])
    return manifest


def backup_ids(s3: S3Client, bucket: str, dataset: str) -> Iterator[str]:
    """The ids under which a dataset has objects, oldest first. Some may have no manifest."""
    with translated(bucket, dataset):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=dataset_folder(dataset), Delimiter="/"
        )
        for page in pages:
            for item in page.get("CommonPrefixes", ()):
                yield item["Prefix"].split("/")[1]


def list_manifests(s3: S3Client, bucket: str, dataset: str) -> Iterator[Manifest]:
    """The dataset's complete backups, newest first; each iteration costs a request."""
    for backup_id in sorted(backup_ids(s3, bucket, dataset), reverse=True):
        if (manifest := find(s3, bucket, dataset, backup_id)) is not None:
            yield manifest


def write_verification(s3: S3Client, bucket: str, dataset: str, verification: Verification) -> None:
    """Write the verification beside the manifest; it replaces an earlier one."""
    key = verification_key(dataset, verification.backup_id)
    body = verification.model_dump_json(indent=1).encode()
    with translated(bucket, key):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def read_verification(s3: S3Client, bucket: str, dataset: str, backup_id: str) -> Verification | None:
    """The newest verification of a backup, or None if it was never verified."""
    body = download(s3, bucket, verification_key(dataset, backup_id))
    return None if body is None else Verification.model_validate_json(body)
