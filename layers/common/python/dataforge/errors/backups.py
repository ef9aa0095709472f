"""Backups that are damaged or do not fit the tables."""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.errors.base import Refused, Temporary


class DamagedBackup(Refused):
    """The files of a backup differ from its manifest."""

    code = "DamagedBackup"
    hint = "Use another backup, or create a new one."

    def __init__(self, backup_id: str, faults: Iterable[str]) -> None:
        super().__init__(f"Backup {backup_id} is damaged: {'; '.join(faults)}.")


class BackupExists(Refused):
    """Another run has written the manifest of this backup."""

    code = "BackupExists"

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} exists. Another run has written it; it was not replaced.")


class SchemaDiffers(Refused):
    """The columns of a backup do not fit the table."""

    code = "SchemaDiffers"

    def __init__(self, table: str, differences: Iterable[str]) -> None:
        super().__init__(f"The columns of the backup do not fit {table}: {'; '.join(differences)}.")


class WouldOrphan(Refused):
    """The restore would leave rows without parents; nothing was changed."""

    code = "WouldOrphan"
    hint = "Restore these tables together."

    def __init__(self, findings: Iterable[str]) -> None:
        super().__init__(f"The restore would leave rows without parents: {'; '.join(findings)}.")


class SnapshotLost(Refused):
    """The database connection that exported the snapshot of a backup was closed."""

    code = "SnapshotLost"
    hint = "Start the backup again."

    def __init__(self, run: str) -> None:
        super().__init__(f"The snapshot of backup {run} was lost because its last connection was closed.")


class BackupRunning(Temporary):
    """A backup reads the tables, and its snapshot would see a swapped table as empty."""

    code = "BackupRunning"
    hint = "Wait. The tables are swapped when the backup has ended."

    def __init__(self, dataset: str, holders: Iterable[str]) -> None:
        backups = ", ".join(sorted(holders)) or "a backup that has just ended"
        super().__init__(f"The tables of {dataset!r} are read by {backups}.")
