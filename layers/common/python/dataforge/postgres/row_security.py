"""PostgreSQL's refusal to read or write by a row security policy, which our sessions ask for (``row_security = off``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


_SOURCE = "check_enable_rls"
"""PostgreSQL's function that refuses. The SQLSTATE is that of any lacking privilege."""
_SECURED = """
    SELECT n.nspname || '.' || c.relname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relrowsecurity ORDER BY 1
"""


def is_refused(error: BaseException) -> bool:
    """Whether the error is that refusal."""
    return isinstance(error, psycopg2.Error) and error.diag.source_function == _SOURCE


def tables(db: Connection, error: BaseException) -> list[str]:
    """The tables that the refusal may be about: PostgreSQL names one, without its schema. ``db`` is in no transaction."""
    with db.cursor() as cursor:
        cursor.execute(_SECURED)
        found = cursor.fetchall()
    db.rollback()
    text = str(error)
    return [name for name, table in found if table in text] or [name for name, _ in found]
