"""Findings about roles: missing or excess attributes, memberships and connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from dataforge.errors import Unavailable
from dataforge.postgres.roles import FORMER_MEMBERSHIPS, GROUPS, LOGINS, MEMBERSHIPS, OWNERS, ROLES
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from functions.schema.doctor.finding import Finding
from functions.schema.doctor.time_limits import time_limit_findings

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


SignIn = Callable[[str, str], None]
"""Signs in as a role with a password and disconnects. Raises ``Unavailable``."""

Limits = Mapping[str, int]
"""Connection limit of each login."""
NO_LIMITS: Limits = MappingProxyType({})

_ROLES = """
    SELECT rolname, rolcanlogin, coalesce(rolvaliduntil <= now(), false), rolconnlimit,
           rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
    FROM pg_roles WHERE rolname = ANY(%s)
"""
_READ_ONLY = """
    SELECT r.rolname, d.datname FROM pg_db_role_setting s
    LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) setting
    WHERE split_part(setting, '=', 1) = 'default_transaction_read_only' AND split_part(setting, '=', 2)::boolean
      AND (s.setrole = 0 OR r.rolname = ANY(%s)) AND (s.setdatabase = 0 OR d.datname = current_database())
    ORDER BY 1, 2
"""
_MEMBERS = """
    SELECT g.rolname, m.rolname, pg_get_userbyid(a.grantor) FROM pg_auth_members a
    JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
    WHERE m.rolname = ANY(%(own)s)
      AND (g.rolname = ANY(%(own)s) OR g.rolsuper OR g.rolname = session_user OR g.rolname = 'rds_superuser'
           OR starts_with(g.rolname, 'pg_'))
      AND NOT (g.rolname || '/' || m.rolname = ANY(%(declared)s) AND NOT a.admin_option
               AND (NOT a.inherit_option OR m.rolname = ANY(%(owners)s)))
    ORDER BY 1, 2, 3
"""
"""Memberships that give one of our roles the privileges of another. Other memberships are the administrator's decision."""


def known_roles(cursor: Cursor) -> set[str]:
    """The names of all roles of the server."""
    cursor.execute("SELECT rolname FROM pg_roles")
    return {name for (name,) in cursor.fetchall()}


def role_findings(cursor: Cursor, limits: Limits = NO_LIMITS) -> Iterator[Finding]:
    """Findings about our roles, in the order of their repair. ``limits``: of the connections of logins."""
    known = known_roles(cursor)
    for role in ROLES:
        if role not in known:
            statement = Sql("CREATE ROLE {} {}").format(
                ident(role), Sql("NOLOGIN") if role in GROUPS else Sql("LOGIN")
            )
            yield Finding("missing_role", role, f"The role {role} does not exist.", (statement,))
    cursor.execute(_ROLES, (list(ROLES),))
    for row in cursor.fetchall():
        yield from _attributes(limits, *row)
    cursor.execute(_READ_ONLY, (list(LOGINS),))
    for role, database in cursor.fetchall():
        yield _read_only(role, database)
    yield from time_limit_findings(cursor, known)
    yield from _memberships(cursor, known)


def _attributes(
    limits: Limits, role: str, login: bool, expired: bool, connections: int, mighty: bool
) -> Iterator[Finding]:
    alter = Sql("ALTER ROLE {}").format(ident(role))
    if role in GROUPS and login:
        detail = f"{role} may log in; it must be a role without login."
        yield Finding("owner_login", role, detail, (f"{alter} NOLOGIN",))
    if role in LOGINS and not login:
        yield Finding("no_login", role, f"The role {role} may not log in.", (f"{alter} LOGIN",))
    if role in LOGINS and expired:
        detail = f"The password of {role} has expired (VALID UNTIL)."
        yield Finding("expired", role, detail, (f"{alter} VALID UNTIL 'infinity'",))
    if role in LOGINS:
        yield from _connections(role, connections, limits.get(role))
    if mighty:
        detail = f"The role {role} has privileges on the server that it does not need."
        restricted = "NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS"
        yield Finding("excess_privileges", role, detail, hint=f"ALTER ROLE {role} {restricted}")


def _connections(role: str, connections: int, limit: int | None) -> Iterator[Finding]:
    """``limit``: the role's declared connection limit; None: any limit but 0."""
    alter = Sql("ALTER ROLE {} CONNECTION LIMIT {}").format(ident(role), -1 if limit is None else limit)
    if connections == 0:
        detail = f"{role} may have no connection (CONNECTION LIMIT 0)."
        yield Finding("no_connections", role, detail, (alter,))
    elif limit is not None and connections != limit:
        found = "any number of connections" if connections < 0 else f"{connections} connections"
        yield Finding("connection_limit", role, f"{role} may have {found} instead of {limit}.", (alter,))


def _read_only(role: str | None, database: str | None) -> Finding:
    reset = Sql("RESET default_transaction_read_only")
    where = " ".join(name for name in (role, f"in database {database}" if database else "") if name)
    detail = f"Transactions are read-only by default ({where or 'all roles'})."
    if role is None and database is None:
        hint = Sql("SET default_transaction_read_only = off; ALTER ROLE ALL {}").format(reset)
        return Finding("read_only", "all roles", detail, hint=hint)
    if role is None:
        statement = Sql("ALTER DATABASE {} {}").format(ident(str(database)), reset)
    else:
        place = Sql(" IN DATABASE {}").format(ident(database)) if database else Sql("")
        statement = Sql("ALTER ROLE {}{} {}").format(ident(role), place, reset)
    return Finding("read_only", role or str(database), detail, (statement,))


def _memberships(cursor: Cursor, known: set[str]) -> Iterator[Finding]:
    declared = [f"{role}/{member}" for role, member in MEMBERSHIPS]
    cursor.execute(_MEMBERS, {"own": list(ROLES), "owners": list(OWNERS), "declared": declared})
    direct = set()
    for role, member, grantor in cursor.fetchall():
        direct.add(member)
        statement = Sql("REVOKE {} FROM {} GRANTED BY {} CASCADE").format(
            ident(role), ident(member), ident(grantor)
        )
        code = "former_grant" if (role, member) in FORMER_MEMBERSHIPS else "excess_grant"
        yield Finding(code, member, f"{member} has the rights of {role}, a member of it.", (statement,))
    for owner in OWNERS:
        if owner in known:
            yield from _indirect(cursor, owner, direct)
    for (role, member), statement in MEMBERSHIPS.items():
        if not {role, member} <= known:
            continue
        cursor.execute("SELECT pg_has_role(%s, %s, 'SET')", (member, role))
        if not one_row(cursor)[0]:
            yield Finding("missing_grant", member, f"{member} may not become {role}.", (statement,))


def _indirect(cursor: Cursor, owner: str, direct: set[str]) -> Iterator[Finding]:
    """Logins that are members of an owner through roles that are not ours."""
    cursor.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND NOT rolsuper AND pg_has_role(oid, %s, 'MEMBER')",
        ([role for role in LOGINS if role not in direct], owner),
    )
    for (role,) in cursor.fetchall():
        hint = f"Revoke from {role} the role through which it is a member of {owner}."
        yield Finding("excess_grant", role, f"{role} is a member of {owner} through another.", hint=hint)


def sign_in_findings(passwords: Mapping[str, str | None], sign_in: SignIn) -> Iterator[Finding]:
    """Logins that cannot sign in with their secret."""
    for role, password in passwords.items():
        if password is not None:
            try:
                sign_in(role, password)
            except Unavailable as error:
                # PostgreSQL checks the limit after the password, so the password is right.
                if "too many connections" not in str(error):
                    yield Finding("no_sign_in", role, str(error))
