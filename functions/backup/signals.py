"""Wait for other steps of a run, which are other processes: NOTIFY and the ledger."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dataforge.postgres.connection import transaction, translated
from dataforge.postgres.sql import Sql

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_CHANNEL = Sql("dataforge_backup")
_SECONDS = 5.0
"""After which the condition is evaluated without a notification: any role can delay those."""


def signal(cursor: Cursor) -> None:
    """Wake all waiting processes when the transaction commits."""
    cursor.execute(Sql("NOTIFY {}").format(_CHANNEL))


def wait(
    db: Connection, condition: Callable[[Any], bool], seconds: float, watched: Connection | None = None
) -> bool:
    """Wait until ``condition`` is true, for ``seconds`` at most; returns whether it is.

    Raises ``Unavailable`` as soon as a connection is lost, including ``watched``.
    """
    deadline = time.monotonic() + seconds
    with transaction(db) as cursor:
        cursor.execute(Sql("LISTEN {}").format(_CHANNEL))
    while True:
        with transaction(db) as cursor:
            if condition(cursor):
                return True
        with translated():
            db.poll()
        if db.notifies:
            # The notification arrived with the transaction's own responses: select would not report it.
            db.notifies.clear()
            continue
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        connections = [db] if watched is None else [db, watched]
        ready, _, _ = select.select(connections, [], [], min(remaining, _SECONDS))
        with translated():
            for connection in ready:
                connection.poll()
                connection.notifies.clear()
