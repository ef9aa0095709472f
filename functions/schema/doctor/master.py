"""Keep the master able to sign in with its password.

RDS denies passwords to direct and indirect members of ``rds_iam``. The logins are members of it, so the master must not be
a member of the logins. PostgreSQL makes the creator of a role a member of it, with the admin option. Whether RDS counts
that membership is tested by signing in.
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


def leave_logins(cursor: Cursor) -> None:
    """Prevent implicit grants of new roles to the master, and revoke the logins that it has granted to itself."""
    cursor.execute("SET LOCAL createrole_self_grant = ''")
    cursor.execute(_OWN_GRANTS, (list(LOGINS),))
    for (role,) in cursor.fetchall():
        cursor.execute(Sql("REVOKE {} FROM CURRENT_USER").format(ident(role)))


def require_sign_in(db: Connection, sign_in: Callable[[], None]) -> None:
    """Revoke ``rds_iam`` from the logins and raise ``SchemaRefused`` if the master can no longer sign in."""
    try:
        sign_in()
    except Unavailable as error:
        if not is_denied(error):
            return
        with transaction(db) as cursor:
            for role in LOGINS:
                cursor.execute(Sql("REVOKE rds_iam FROM {}").format(ident(role)))
        raise SchemaRefused(
            "IAM authentication was reverted, because the master could no longer sign in with its password.",
            hint="Revoke from the master the role through which it is a member of rds_iam, or deploy with -c auth=secret.",
        ) from None
