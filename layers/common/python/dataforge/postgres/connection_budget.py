"""Connection limit of each login role, calculated from the server's max_connections.

The API gets the connections that remain after those of the runs, an administrator and the server itself. PostgreSQL
enforces the limits (CONNECTION LIMIT), because a new AWS account has too few concurrent executions (10) to reserve any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataforge.errors import TooFewConnections
from dataforge.postgres.roles import ANALYST, BACKUP, DELIVER, EXPORT, INGEST, LOAD, MIGRATE, REFILL, RESTORE

SERVER = 6
"""superuser_reserved_connections (3), and the sessions of RDS itself."""
ADMINISTRATORS = 3
"""The schema function, the doctor, and the master's client."""
ANALYSTS = 3
"""Clients of analysts."""
RUNS = 2
"""Migrations or backups that may run at the same time on different tables."""
HOLDERS = 5
"""Per backup, in addition to its workers: two snapshot exporters with two connections each, and one step."""
SNAPSHOTS = 1
"""Sessions that hold the snapshot of an export of a large table. Further ones are awaited."""
SPARE = 2
"""Per kind of run: the session of a killed process remains on the server for some time."""
API_LEAST, API_MOST = 4, 100
"""Connections of each of the two functions of the API. More would use memory that queries need."""

_RDS_BYTES, _RDS_MOST = 9_531_392, 5_000
_GIB_OF_LARGE = {"c": 4, "m": 8, "r": 16, "x": 16, "z": 16}
_GIB_OF_T = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}


@dataclass(frozen=True)
class Budget:
    """Configured concurrency: steps of a migration or restore, files of a backup, and exports."""

    load_concurrency: int
    backup_concurrency: int
    export_concurrency: int

    def limits(self, connections: int, server: str) -> dict[str, int]:
        """Limit of each login for a server with ``connections``. ``server``: its name in errors.

        Raises ``TooFewConnections`` with the settings that need more.
        """
        runs = self._runs()
        rest = connections - SERVER - ADMINISTRATORS - sum(runs.values())
        if rest < 2 * API_LEAST:
            raise TooFewConnections(self._too_few(connections - rest + 2 * API_LEAST, connections, server))
        api = min(API_MOST, rest // 2)
        return {INGEST: api, DELIVER: api, **runs}

    def _runs(self) -> dict[str, int]:
        """Connections of the runs and of people."""
        load, backup = self.load_concurrency, self.backup_concurrency
        return {
            MIGRATE: RUNS * load + SPARE,
            LOAD: RUNS * load + SPARE,
            BACKUP: RUNS * (backup + HOLDERS),
            RESTORE: load + SPARE,
            REFILL: load + SPARE,
            EXPORT: self.export_concurrency + SNAPSHOTS,
            ANALYST: ANALYSTS,
        }

    def _too_few(self, needed: int, connections: int, server: str) -> str:
        return (
            f"loadConcurrency={self.load_concurrency}, backupConcurrency={self.backup_concurrency} and "
            f"exportConcurrency={self.export_concurrency} need {needed} connections in total; {server} has {connections}."
        )


def connections_of(instance_class: str) -> int:
    """Minimum max_connections of an RDS instance of this class, by RDS's default.

    The default depends on the memory that remains for the database, which RDS does not publish: less than nine tenths of
    a small class. For an unknown class the minimum is assumed.
    """
    megabytes = _gibibytes(instance_class) * 1024 * 0.92 - 240
    return min(_RDS_MOST, int(megabytes * 2**20) // _RDS_BYTES)


def _gibibytes(instance_class: str) -> float:
    family, _, size = instance_class.partition(".")
    if family.startswith("t"):
        return _GIB_OF_T.get(size, 1)
    match = re.fullmatch(r"([0-9]*)xlarge", size)
    larges = {"medium": 0.5, "large": 1}.get(size, 2 * int(match[1] or 1) if match else 0.25)
    return _GIB_OF_LARGE.get(family[:1], 4) * larges
