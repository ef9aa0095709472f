"""Connection limits of the logins, calculated from the server's max_connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.connection import transaction
from dataforge.postgres.connection_budget import Budget
from dataforge.postgres.rows import one_row
from functions.schema.doctor.logins import Limits

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


def connection_limits(db: Connection, budget: Budget, ours: int | None) -> Limits:
    """Each login's limit. ``ours``: number of the server's connections that Data Forge may use (None: all).

    Raises ``TooFewConnections``.
    """
    with transaction(db) as cursor:
        cursor.execute("SHOW max_connections")
        found = int(one_row(cursor)[0])
    if ours is not None and ours < found:
        return budget.limits(ours, "the setting maxConnections")
    return budget.limits(found, "the database server")
