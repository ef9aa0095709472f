"""Findings about rights of PUBLIC, which every login of the server has: also logins that were taken over.

They become rights of the logins that exist, so that no program of the owner loses its access. Data Forge's roles are not
among them; they have what ``dataforge.postgres.roles`` declares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.postgres.roles import ROLES
from dataforge.postgres.sql import Sql, from_catalog, ident
from functions.schema.doctor.finding import Finding

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


CODE = "public_right"

_RIGHTS = """
    SELECT 'DATABASE', datname, privilege_type, pg_get_userbyid(datdba), pg_has_role(datdba, 'USAGE')
    FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
    WHERE grantee = 0 AND (datname = current_database()
                           OR datname = 'postgres' AND privilege_type = 'CONNECT' AND pg_has_role(datdba, 'USAGE'))
    UNION ALL SELECT 'SCHEMA', nspname, privilege_type, pg_get_userbyid(nspowner), pg_has_role(nspowner, 'USAGE')
    FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
    WHERE grantee = 0 AND privilege_type = 'CREATE' AND (nspname = 'public' OR pg_has_role(nspowner, 'USAGE'))
    ORDER BY 1, 2, 3
"""
_OTHERS = """
    SELECT rolname FROM pg_roles
    WHERE rolcanlogin AND NOT rolsuper AND rolname <> ALL(%s) AND NOT pg_has_role(oid, %s::name, 'USAGE') ORDER BY 1
"""
"""The logins that are neither Data Forge's nor owners of the object."""


def public_findings(cursor: Cursor) -> Iterator[Finding]:
    """Rights of PUBLIC on the database, on the database ``postgres`` and to create objects in schemas.

    Without fixes if the master is not the owner: then only the owner can revoke them.
    """
    cursor.execute(_RIGHTS)
    for kind, name, privilege, owner, ours in cursor.fetchall():
        clause = Sql("{} ON {} {}").format(from_catalog(privilege), from_catalog(kind), ident(name))
        revoke = Sql("REVOKE {} FROM PUBLIC").format(clause)
        detail = f"Every login of the server has {privilege} on the {kind.lower()} {name}, by PUBLIC."
        if ours:
            yield Finding(CODE, name, detail, (*_grants(cursor, clause, owner), revoke))
        else:
            yield Finding(CODE, name, detail, hint=Sql("As {}, run: {}").format(ident(owner), revoke))


def _grants(cursor: Cursor, clause: Sql, owner: str) -> Iterator[Sql]:
    cursor.execute(_OTHERS, (list(ROLES), owner))
    others = [ident(name) for (name,) in cursor.fetchall()]
    if others:
        yield Sql("GRANT {} TO {}").format(clause, Sql(", ").join(others))
