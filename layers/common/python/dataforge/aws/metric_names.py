"""Names of custom metrics that more than one part of the system relies on."""

from __future__ import annotations

NAMESPACE = "DataForge"

BACKUP = "backup"
"""The dimension ``service`` of the backups' metrics; the other one is ``dataset``."""
BACKUP_VERIFIED = "BackupVerified"
"""A new backup of a whole dataset that was read back and found sound."""
BACKUP_DAMAGED = "BackupDamaged"
"""A backup that was read back and is not what was written."""
