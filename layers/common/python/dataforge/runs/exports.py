"""The description of a finished export, written by the export function and read by the operations function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from dataforge.backups.manifest import ColumnEntry
from dataforge.s3.keys import export_result_key
from dataforge.s3.objects import download, put_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


Format = Literal["parquet", "ndjson"]


class ExportFile(BaseModel):
    """One file: bucket and key, rows, size in bytes and SHA-256 in hexadecimal digits.

    ``version``: the version of the object that was checked, of a file in a backup.
    """

    model_config = ConfigDict(frozen=True)

    bucket: str
    key: str
    rows: int
    size: int
    sha256: str
    version: str | None = None


class Export(BaseModel):
    """A finished export. ``backup_id``: the backup whose files are used, if it contains the same rows."""

    model_config = ConfigDict(frozen=True)

    export_id: str
    dataset: str
    table: str
    format: Format
    created_at: str
    rows: int
    content_hash: str
    row_hash: str
    columns: tuple[ColumnEntry, ...]
    backup_id: str | None
    files: tuple[ExportFile, ...]


def write(s3: S3Client, bucket: str, export: Export) -> None:
    """Write the description to the report bucket."""
    put_json(s3, bucket, export_result_key(export.export_id), export.model_dump(mode="json"))


def read(s3: S3Client, bucket: str, export_id: str) -> Export | None:
    """The description of an export; None if it is not finished, or has expired. Raises ``Unavailable``."""
    body = download(s3, bucket, export_result_key(export_id))
    return None if body is None else Export.model_validate_json(body)
