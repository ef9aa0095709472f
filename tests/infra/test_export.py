"""Permissions of the export function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Resources = dict[str, dict[str, dict[str, Any]]]


def test_function_may_only_read_backups_and_write_exports(
    dev: Resources, granted: Callable[[Resources, str], set[tuple[str, str]]]
) -> None:
    found = {pair for pair in granted(dev, "ExportWorkRole") if pair[0].startswith("s3:")}
    assert found == {
        ("s3:ListBucket", "<StorageBackup.Arn>"),
        ("s3:GetObject", "<StorageBackup.Arn>/*/manifest.json"),
        ("s3:GetObject", "<StorageBackup.Arn>/*.parquet"),
        ("s3:PutObject", "<StorageReport.Arn>/exports/*"),
        ("s3:ListBucket", "<StorageReport.Arn>"),
        ("s3:GetObject", "<StorageReport.Arn>/exports/*/progress.json"),
        ("s3:AbortMultipartUpload", "<StorageReport.Arn>/exports/*"),
    }
