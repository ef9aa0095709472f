"""Names of custom metrics that functions and alarms share."""

from __future__ import annotations

NAMESPACE = "DataForge"

KEYS_ENDING = "KeysEnding"
"""Count of API keys whose last day is near."""

BACKUP = "backup"
"""The dimension ``service`` of the metrics of backups; the other dimension is ``dataset``."""
BACKUP_VERIFIED = "BackupVerified"
"""Count of new backups of whole datasets that were verified."""
BACKUP_DAMAGED = "BackupDamaged"
"""Count of backups whose verification failed."""
