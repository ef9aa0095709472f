"""Defaults of each stage, of the embedded cloud, and of the backup schedules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "dev": {
        "instanceClass": "t4g.small",
        "keepInstanceClass": True,
        "multiAz": False,
        "storageGigabytes": 20,
        "maxStorageGigabytes": 100,
        "backupRetentionDays": 7,
        "loadConcurrency": 4,
        "backupConcurrency": 4,
        "logRetentionDays": 30,
    },
    "prod": {
        "instanceClass": "m7g.large",
        "multiAz": True,
        "storageGigabytes": 100,
        "maxStorageGigabytes": 2000,
        "backupRetentionDays": 35,
        "loadConcurrency": 10,
        "backupConcurrency": 10,
        "logRetentionDays": 365,
    },
}
"""By stage: availability, retention and cost."""

LOCAL: Mapping[str, Any] = {
    "loadConcurrency": 2,
    "backupConcurrency": 2,
    "backupSchedule": "off",
    "restoreApi": True,
}
"""The embedded cloud: few cores, and data that programs may restore."""

_FIRST_BACKUP, _BACKUP_MINUTES = 135, 240
"""The default schedules begin at 02:15 UTC, after RDS's own backup, and within four hours (infra/foundation/postgres.py)."""


def nightly(datasets: Collection[str]) -> dict[str, str]:
    """Return a daily schedule for each dataset, evenly spread, so that backups do not compete for the database."""
    step = _BACKUP_MINUTES // max(len(datasets), 1)
    starts = {name: _FIRST_BACKUP + number * step for number, name in enumerate(sorted(datasets))}
    return {name: f"cron({start % 60} {start // 60} * * ? *)" for name, start in starts.items()}
