"""Execute statements of a deployment and collect PostgreSQL's refusals, without values of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

from dataforge.errors import Busy
from dataforge.postgres.connection import is_translated
from dataforge.postgres.shadow import attempt

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_DEPENDENT = ("0A000", "2BP01")
"""SQLSTATEs whose detail names dependent objects and contains no value."""
_LOCKS = ("55P03", "40P01")
"""SQLSTATEs of a lock that was not obtained."""
_QUOTES_VALUES = "22"
"""The class of SQLSTATEs whose message may quote a value."""


def execute(cursor: Cursor, what: str, statement: str) -> str:
    """Execute a statement. Returns PostgreSQL's refusal, or "" if the statement succeeded.

    A refusal begins with ``what`` and contains no value. A lock that was not obtained and a lost connection are raised.
    """
    with attempt(cursor, psycopg2.Error) as failed:
        cursor.execute(statement)
    for error in failed:
        if not isinstance(error, psycopg2.Error):
            raise error
        if error.pgcode in _LOCKS:
            raise busy(what)
        if is_translated(error):
            raise error
        return f"{what}: {reason(error)}."
    return ""


def busy(what: str) -> Busy:
    """The error for a lock that was not obtained. ``what`` begins with the table's name."""
    return Busy(f"{what}: the table is in use, and the lock was not obtained in time.")


def reason(error: psycopg2.Error) -> str:
    """Why PostgreSQL refused the statement, without values of rows."""
    state = error.pgcode or "none"
    if state.startswith(_QUOTES_VALUES) or not error.diag.message_primary:
        return f"rows violate it (SQLSTATE {state})"
    text = error.diag.message_primary
    if state in _DEPENDENT and error.diag.message_detail:
        text += f" ({'; '.join(error.diag.message_detail.splitlines())}); hint: drop them, deploy, and create them again"
    return text
