"""The output of a backup's execution."""

from __future__ import annotations

from dataforge.runs.results.base import OfTable, Result


class BackedUpTable(OfTable):
    """A table in the backup."""

    rows: int
    content_hash: str


class BackupOutput(Result):
    """``manifest`` is an S3 URI, ``size`` the bytes of the files, ``removed`` the ids of deleted backups."""

    backup_id: str
    manifest: str
    created_at: str
    tables: tuple[BackedUpTable, ...]
    size: int
    verified: bool
    removed: tuple[str, ...]
