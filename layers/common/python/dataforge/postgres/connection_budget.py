"""The budget of connections: how many each login role may have, of those that the server has.

The API gets what is left when the runs, an administrator and the server itself have theirs. PostgreSQL enforces it
(CONNECTION LIMIT), because the executions of a new AWS account (10 at a time) leave none to reserve for a function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataforge.errors import InvalidSettings
from dataforge.postgres.roles import ANALYST, BACKUP, DELIVER, EXPORT, INGEST, LOAD, MIGRATE, REFILL, RESTORE

SERVER = 6
"""superuser_reserved_connections (3), and the sessions that RDS keeps for itself."""
ADMINISTRATORS = 3
"""The schema function, the doctor, and the master's client."""
ANALYSTS = 3
"""People with a client, as the analyst."""
RUNS = 2
"""Migrations, and backups, that may run at the same time on different tables."""
HOLDERS = 5
"""Of a backup, beside its workers: two snapshot holders with two connections each, and one step."""
SPARE = 2
"""Of each kind of run: a process that was killed leaves its session to the server for a while."""
API_LEAST, API_MOST = 4, 100
"""Connections of each of the two functions of the API. More would cost memory that queries need."""

_RDS_BYTES, _RDS_MOST = 9_531_392, 5_000
_GIB_OF_LARGE = {"c": 4, "m": 8, "r": 16, "x": 16, "z": 16}
_GIB_OF_T = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}


class TooFewConnections(InvalidSettings):
    """The settings need more connections than the server has."""


@dataclass(frozen=True)
class Budget:
    """What the settings ask for: steps of a migration or restore, files of a backup, and exports at the same time."""

    load_concurrency: int
    backup_concurrency: int
    export_concurrency: int

    def limits(self, connections: int, server: str) -> dict[str, int]:
        """Each login's limit, of the ``connections`` of the ``server``, which is what an error calls it.

        Raises ``TooFewConnections`` with the settings that need them.
        """
        runs = self._runs()
        rest = connections - SERVER - ADMINISTRATORS - sum(runs.values())
        if rest < 2 * API_LEAST:
            raise TooFewConnections(self._too_few(connections - rest + 2 * API_LEAST, connections, server))
        api = min(API_MOST, rest // 2)
        return {INGEST: api, DELIVER: api, **runs}

    def _runs(self) -> dict[str, int]:
        """What the runs need, and people."""
        load, backup = self.load_concurrency, self.backup_concurrency
        return {
            MIGRATE: RUNS * load + SPARE,
            LOAD: RUNS * load + SPARE,
            BACKUP: RUNS * (backup + HOLDERS),
            RESTORE: load + SPARE,
            REFILL: load + SPARE,
            EXPORT: self.export_concurrency,
            ANALYST: ANALYSTS,
        }

    def _too_few(self, needed: int, connections: int, server: str) -> str:
        return (
            f"loadConcurrency={self.load_concurrency}, backupConcurrency={self.backup_concurrency} and "
            f"exportConcurrency={self.export_concurrency} need {needed} connections in all, and {server} has {connections}. "
            "Lower these settings or give the database more memory (instanceClass)."
        )


def connections_of(instance_class: str) -> int:
    """How many connections an RDS instance of this class has at least, by RDS's default for max_connections.

    RDS divides the memory that is left to the database, which it does not publish: less than nine tenths of a small class.
    Of a class that is not known the least is assumed.
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
