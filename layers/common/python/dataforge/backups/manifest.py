"""Read and write the manifest of a backup: its tables and their files. A backup without a manifest does not exist.

    <dataset>/<backup_id>/manifest.json              written last, and only once
    <dataset>/<backup_id>/manifest.sig.json          its signature (see ``dataforge.backups.signatures``)
    <dataset>/<backup_id>/verification.json          written when the files were verified
    <dataset>/<backup_id>/<table>/part-00000.parquet

Manifests are persistent: fields are added, never renamed, and ``format`` changes if an old reader would misread them.
Any principal that may write to the bucket may have written a manifest, so every field is bounded, and no other is allowed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from dataforge.backups.bodies import create, fetch
from dataforge.errors import DamagedBackup, NoSuchBackup
from dataforge.records.validate import ROW_HASH
from dataforge.runs.ids import FORM, is_future
from dataforge.s3.keys import MANIFEST, backup_folder, dataset_folder, manifest_key, table_folder
from dataforge.s3.objects import translated
from dataforge.tables.catalogue import Table
from dataforge.tables.names import IDENTIFIER_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


FORMAT = "dataforge-backup-1"

MOST_BYTES = 64 * 2**20
"""The largest manifest: of 300,000 files."""

_SHOWN = 5
"""The faults of a manifest that an error names."""

Kind = Literal["backup", "safety", "export"]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=IDENTIFIER_BYTES)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
BackupId = Annotated[str, StringConstraints(pattern=rf"^{FORM.pattern}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class ColumnEntry(_Model):
    """A column at the time of the backup; ``type`` as in DDL."""

    name: Name
    type: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    nullable: bool


class FileEntry(_Model):
    """A Parquet file; ``key`` is relative to the manifest's folder, ``sha256`` is in hexadecimal digits."""

    key: Annotated[str, StringConstraints(pattern=r"^[^/\x00-\x1f]+/part-[0-9]{5,9}\.parquet$")]
    rows: Count
    size: Count
    sha256: Sha256

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

    table: Name
    rows: Count
    content_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    schema_fingerprint: Sha256
    columns: tuple[ColumnEntry, ...]
    files: tuple[FileEntry, ...]

    @property
    def fault(self) -> str:
        """The contradiction in the entry; else empty."""
        same = self.schema_fingerprint == fingerprint(self.columns)
        return "" if same else f"the fingerprint of {self.table} does not match its columns"


class Manifest(_Model):
    """A complete backup. ``created_at`` is the time of its snapshot."""

    format: Name = FORMAT
    backup_id: BackupId
    dataset: Name
    kind: Kind
    created_at: AwareDatetime
    row_hash: Name = ROW_HASH
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


class Reference(NamedTuple):
    """Which manifest was signed: the version id of its object, and the SHA-256 of its content."""

    version: str
    sha256: str

    @classmethod
    def of(cls, event: Mapping[str, str]) -> Reference:
        """Read it from the event of a step."""
        return cls(event["version"], event["sha256"])


class Stored(NamedTuple):
    """A manifest as the bucket has it."""

    manifest: Manifest
    reference: Reference


def column_entries(table: Table) -> tuple[ColumnEntry, ...]:
    """The table's columns as entries of a manifest."""
    return tuple(ColumnEntry(name=c.name, type=c.type.sql, nullable=c.nullable) for c in table.columns)


def fingerprint(columns: tuple[ColumnEntry, ...]) -> str:
    """SHA-256 over names, types and nullability of columns, in their order."""
    document = [[column.name, column.type, column.nullable] for column in columns]
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


def write(s3: S3Client, bucket: str, manifest: Manifest) -> Reference:
    """Write the manifest, after all files. Idempotent for the same content.

    Raises ``BackupExists`` if another manifest has this key.
    """
    return Reference(*create(s3, bucket, manifest.key, manifest.model_dump_json(indent=1).encode()))


def find(s3: S3Client, bucket: str, dataset: str, backup_id: str) -> Manifest | None:
    """The manifest of a backup, or None if it does not exist. Raises ``DamagedBackup`` if it cannot be read."""
    try:
        return read(s3, bucket, dataset, backup_id)
    except NoSuchBackup:
        return None


def read(
    s3: S3Client, bucket: str, dataset: str, backup_id: str, signed: Reference | None = None
) -> Manifest:
    """The manifest of a backup. ``signed``: what it must be.

    Raises ``NoSuchBackup``, ``DamagedBackup`` (not a valid manifest, or not the signed one), ``UnusableBucket``.
    """
    return read_signed(s3, bucket, dataset, backup_id, signed).manifest


def read_signed(s3: S3Client, bucket: str, dataset: str, backup_id: str, signed: Reference | None) -> Stored:
    """The manifest that was signed, with its reference; without ``signed``, any. Raises what ``read`` raises."""
    stored = read_stored(s3, bucket, dataset, backup_id)
    if signed is not None and stored.reference != signed:
        raise DamagedBackup(backup_id, [f"{MANIFEST} was replaced after it was signed"])
    return stored


def read_stored(s3: S3Client, bucket: str, dataset: str, backup_id: str) -> Stored:
    """The manifest of a backup with its reference. Raises what ``read`` raises."""
    key = manifest_key(dataset, backup_id)
    found = fetch(s3, bucket, key, MOST_BYTES)
    if found is None:
        raise NoSuchBackup(f"There is no backup {backup_id!r} of {dataset!r}.", f"{key} does not exist.")
    if is_future(backup_id):
        raise DamagedBackup(backup_id, ["its id is in the future"])
    if found.body is None:
        raise DamagedBackup(backup_id, [f"{key} has more than {MOST_BYTES} bytes"])
    try:
        manifest = Manifest.model_validate_json(found.body)
    except ValidationError as error:
        raise DamagedBackup(backup_id, [f"{key} is not a valid manifest ({_readable(error)})"]) from None
    if (manifest.format, manifest.row_hash) != (FORMAT, ROW_HASH):
        raise DamagedBackup(
            backup_id, [f"{key} is of format {manifest.format} with {manifest.row_hash} hashes"]
        )
    if (manifest.dataset, manifest.backup_id) != (dataset, backup_id):
        raise DamagedBackup(backup_id, [f"{key} is the manifest of {manifest.dataset}/{manifest.backup_id}"])
    if faults := [*islice(_contradictions(manifest), _SHOWN)]:
        raise DamagedBackup(backup_id, [f"{key}: {fault}" for fault in faults])
    return Stored(manifest, Reference(found.version, found.sha256))


def _readable(error: ValidationError) -> str:
    """The first errors by their place, without the values."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'document'}: {e['msg']}"[:200] for e in errors[:_SHOWN]
    )


def _contradictions(manifest: Manifest) -> Iterator[str]:
    yield from (f"it has the table {name} twice" for name in _repeated(t.table for t in manifest.tables))
    for entry in manifest.tables:
        name, folder = entry.table, table_folder(entry.table)
        yield from (f"{name} has the column {c} twice" for c in _repeated(c.name for c in entry.columns))
        yield from (f"{name} has the file {key} twice" for key in _repeated(f.key for f in entry.files))
        yield from (f"{f.key} is not a file of {name}" for f in entry.files if not f.key.startswith(folder))
        rows = sum(file.rows for file in entry.files)
        if rows != entry.rows:
            yield f"the files of {name} have {rows} rows, the table {entry.rows}"


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def backup_ids(s3: S3Client, bucket: str, dataset: str) -> Iterator[str]:
    """The ids under which a dataset has objects, oldest first. Some may have no manifest."""
    with translated(bucket, dataset):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=dataset_folder(dataset), Delimiter="/"
        )
        for page in pages:
            for item in page.get("CommonPrefixes", ()):
                yield item["Prefix"].split("/")[1]
