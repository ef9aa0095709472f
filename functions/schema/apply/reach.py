"""The first connection of an apply: a new database, its role or a new network interface may not answer at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dataforge.errors import Unavailable

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


PATIENCE = 240.0
"""Seconds for which an apply tries to connect: a third of the time that its function has."""
_PAUSE = 3.0
_DENIED = ("authentication failed", "no pg_hba.conf entry", "does not exist", "is not permitted to log in")
"""What the server answers to a login that will never succeed. At login PostgreSQL sends no SQLSTATE to libpq's caller."""


def reach(connect: Callable[[], Connection], patience: float, pause: float = _PAUSE) -> Connection:
    """A connection; tried again for ``patience`` seconds while the server cannot be reached.

    Raises ``Unavailable``: at once if the server answered and denies the login, else at the end.
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
    """Whether the server was reached and refused the login itself."""
    return any(words in str(error) for words in _DENIED)
