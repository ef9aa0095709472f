"""Connect with retries: a new database, role or network interface may not be available immediately."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dataforge.errors import Unavailable

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


PATIENCE = 240.0
"""Seconds for which an apply tries to connect: a third of its function's time-out."""
_PAUSE = 3.0
_DENIED = ("authentication failed", "no pg_hba.conf entry", "does not exist", "is not permitted to log in")
"""Texts in the server's answer to a login that cannot succeed. libpq reports no SQLSTATE at login."""


def reach(connect: Callable[[], Connection], patience: float, pause: float = _PAUSE) -> Connection:
    """A connection. Tries for ``patience`` seconds while the server cannot be reached.

    Raises ``Unavailable``: immediately if the server denies the login, otherwise at the end.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return connect()
        except Unavailable as error:
            if is_denied(error) or time.monotonic() + pause > end:
                raise
        time.sleep(pause)


def is_denied(error: Unavailable) -> bool:
    """Whether the server was reached and denied the login."""
    return any(words in str(error) for words in _DENIED)
