"""Identify and end a session's backend. A number of a process is used again, so its start belongs to the identity."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dataforge.postgres.rows import one_row

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


Backend = tuple[int, datetime]
"""The number of the process, and its start."""


def own_backend(cursor: Cursor) -> Backend:
    """The backend of this session. Only the login may see it, not the role of a run."""
    cursor.execute("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
    pid, start = one_row(cursor)
    return pid, start


def terminate(cursor: Cursor, backend: Backend, wait_ms: int = 0) -> None:
    """End the backend of a session of the same login, if it exists. ``wait_ms``: how long its end is awaited."""
    cursor.execute(
        "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s",
        (wait_ms, *backend),
    )
