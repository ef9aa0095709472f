"""Statements of a deployment: what PostgreSQL refuses is a refusal by name, and never quotes a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

from dataforge.errors import Busy
from dataforge.postgres.connection import is_translated
from dataforge.postgres.shadow import attempt

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_DEPENDENT = ("0A000", "2BP01")
"""SQLSTATEs whose detail names the objects that stand in the way, and never a value."""
_LOCKS = ("55P03", "40P01")
"""SQLSTATEs of a lock that was not to be had."""
_QUOTES_VALUES = "22"
"""The class of SQLSTATEs whose message may quote a value."""


def done(cursor: Cursor, what: str, statement: str, refusals: list[str]) -> bool:
    """Execute; what PostgreSQL refuses is a refusal that begins with ``what``, and never quotes a value.

    A lock that was not obtained and a lost database are raised instead.
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
        refusals.append(f"{what}: {reason(error)}.")
    return not failed


def busy(what: str) -> Busy:
    """The error of a lock that was not to be had; ``what`` begins with the table's name."""
    return Busy(
        f"{what}: it is in use, and a lock was not to be had in time. Try again when less is running."
    )


def reason(error: psycopg2.Error) -> str:
    """Why PostgreSQL refused, without any value of a row."""
    state = error.pgcode or "none"
    if state.startswith(_QUOTES_VALUES) or not error.diag.message_primary:
        return f"rows contradict it (SQLSTATE {state})"
    text = error.diag.message_primary
    if state in _DEPENDENT and error.diag.message_detail:
        text += (
            f" ({'; '.join(error.diag.message_detail.splitlines())}); drop that, deploy, and make it again"
        )
    return text
