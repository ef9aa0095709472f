"""Backups that are damaged or do not fit the tables."""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.errors.base import DataForgeError, Refused, Temporary


class DamagedBackup(Refused):
    """The files of a backup differ from its manifest."""

    code = "DamagedBackup"
    hint = "Use another backup, or create a new one."

    def __init__(self, backup_id: str, faults: Iterable[str]) -> None:
        super().__init__(f"Backup {backup_id} is damaged: {'; '.join(faults)}.")


class UnsignedBackup(Refused):
    """The manifest of a backup has no signature: it is from before backups were signed, or was not written by the app."""

    code = "UnsignedBackup"
    hint = (
        'If you know that it is genuine, allow it by its id: "unsigned": true, or `dataforge restore --backup ID '
        "--allow-unsigned`."
    )

    def __init__(self, backup_id: str) -> None:
        super().__init__(f"Backup {backup_id} is not signed.")


class UnusableKey(DataForgeError):
    """The KMS key that signs backups does not exist, is disabled, or may not be used."""

    code = "UnusableKey"
    for_callers = "Backups cannot be verified. The log gives the reason under this instance."
    hint = "Check the state of the key, and the permission kms:VerifyMac."

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"KMS did not verify a signature with the key {key}: {reason}.")


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
    """The database connection that held the snapshot of a backup or an export was closed."""

    code = "SnapshotLost"
    hint = "Start it again."

    def __init__(self, run: str) -> None:
        """``run``: such as "backup 20261125T195930Z-1f0c2a9b"."""
        super().__init__(f"The snapshot of {run} was lost because its last connection was closed.")


class BackupRunning(Temporary):
    """A backup reads the tables, and its snapshot would see a swapped table as empty."""

    code = "BackupRunning"
    hint = "Wait. The tables are swapped when the backup has ended."

    def __init__(self, dataset: str, holders: Iterable[str]) -> None:
        backups = ", ".join(sorted(holders)) or "a backup that has just ended"
        super().__init__(f"The tables of {dataset!r} are read by {backups}.")
