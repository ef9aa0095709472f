"""The master signs in with a password, which RDS allows only to a role that is no member of ``rds_iam``, even indirectly.

The logins are members of it, so the master must not be a member of them. PostgreSQL makes who creates a role a member of
it, with the admin option; RDS must not count that, and whether it does is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dataforge.errors import SchemaRefused, Unavailable
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import LOGINS
from dataforge.postgres.sql import Sql, ident
from functions.schema.apply.reach import is_denied

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_OWN_GRANTS = """
    SELECT roleid::regrole::text FROM pg_auth_members
    WHERE roleid::regrole::text = ANY(%s) AND member = current_user::regrole AND grantor = current_user::regrole
"""


def stay_apart(cursor: Cursor) -> None:
    """Let roles that the master creates grant it nothing by themselves, and end what it has granted itself of the logins."""
    cursor.execute("SET LOCAL createrole_self_grant = ''")
    cursor.execute(_OWN_GRANTS, (list(LOGINS),))
    for (role,) in cursor.fetchall():
        cursor.execute(Sql("REVOKE {} FROM CURRENT_USER").format(ident(role)))


def require_sign_in(db: Connection, sign_in: Callable[[], None]) -> None:
    """Take the logins out of ``rds_iam`` again if the master cannot sign in any more. Raises ``SchemaRefused`` then."""
    try:
        sign_in()
    except Unavailable as error:
        if not is_denied(error):
            return
        with transaction(db) as cursor:
            for role in LOGINS:
                cursor.execute(Sql("REVOKE rds_iam FROM {}").format(ident(role)))
        raise SchemaRefused(
            "With IAM authentication for the logins the master could no longer sign in with its password, so it was undone. "
            "Revoke from the master the role through which it is a member of rds_iam, or deploy with -c auth=secret."
        ) from None
