"""The doctor: what is wrong with roles, rights and tables, by name, with the way out of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataforge import ddl
from dataforge.catalogue import Table
from dataforge.database import Connection, transaction
from dataforge.datasets import DATASETS
from dataforge.roles import LOGINS, MIGRATE, OWNER, ROLE_SQL, table_grants
from functions.schema.difference import column_state, constraint_state

REPAIR = "dataforge doctor --repair"


def examine(db: Connection) -> list[dict[str, str]]:
    """Every finding as {"code", "object", "detail", "way_out"}; none means healthy. Changes nothing.

    ``db`` is the master's connection.
    """
    with transaction(db) as cursor:
        findings = [*_roles(cursor)]
        if not any(f["code"] == "missing_role" for f in findings):
            findings += _rights(cursor)
        for dataset in DATASETS.values():
            for table in dataset.tables.values():
                findings += _table(cursor, table)
    return findings


def _finding(code: str, name: str, detail: str, way_out: str = REPAIR) -> dict[str, str]:
    return {"code": code, "object": name, "detail": detail, "way_out": way_out}


def _roles(cursor: Any) -> Iterator[dict[str, str]]:
    cursor.execute("SELECT rolname, rolcanlogin, rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles")
    known = {name: (login, mighty) for name, login, mighty in cursor.fetchall()}
    for role in (OWNER, *LOGINS):
        if role not in known:
            yield _finding("missing_role", role, f"The role {role} does not exist.")
            continue
        login, mighty = known[role]
        if role != OWNER and not login:
            yield _finding("no_login", role, f"The role {role} may not log in.")
        if mighty:
            detail = f"The role {role} has rights beyond its work (superuser, createrole or bypassrls)."
            yield _finding(
                "too_mighty", role, detail, f"ALTER ROLE {role} NOSUPERUSER NOCREATEROLE NOBYPASSRLS"
            )


_PRIVILEGES = """
    SELECT n.nspname || '.' || c.relname, a.grantee::regrole::text, a.privilege_type
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a WHERE n.nspname = ANY(%s)
    UNION ALL SELECT n.nspname || '.' || c.relname, a.grantee::regrole::text, a.privilege_type || ' ' || t.attname
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
         aclexplode(t.attacl) a WHERE n.nspname = ANY(%s)
"""


def _rights(cursor: Any) -> Iterator[dict[str, str]]:
    cursor.execute("SELECT pg_has_role(%s, %s, 'SET')", (MIGRATE, OWNER))
    if not cursor.fetchone()[0]:
        yield _finding("missing_grant", MIGRATE, f"{MIGRATE} may not become {OWNER}.")
    schemas = ["dataforge", *DATASETS]
    for schema in schemas:
        for role in LOGINS:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s) AND has_schema_privilege(%s, %s, 'USAGE')",
                (schema, role, schema),
            )
            if not cursor.fetchone()[0]:
                yield _finding(
                    "missing_grant", schema, f"{role} lacks USAGE on schema {schema}, or there is none."
                )
    cursor.execute(_PRIVILEGES, (schemas, schemas))
    have = set(cursor.fetchall())
    for relation, role, privilege in expected_grants():
        if (relation, role, privilege) not in have:
            yield _finding("missing_grant", relation, f"{role} lacks {privilege} on {relation}.")


def expected_grants() -> Iterator[tuple[str, str, str]]:
    """(relation, role, privilege) that every healthy database has; read off the GRANT statements themselves."""
    for statement in ROLE_SQL:
        if " ON dataforge." not in statement:
            continue
        privileges, _, rest = statement.removeprefix("GRANT ").partition(" ON ")
        relations, _, roles = rest.partition(" TO ")
        for relation in relations.split(", "):
            for role in roles.split(", "):
                yield from ((relation, role, privilege) for privilege in _split_privileges(privileges))
    for dataset in DATASETS.values():
        for table in dataset.tables.values():
            for grant in table_grants():
                role, privilege = grant.split(" ")
                yield f"{dataset.name}.{table.name}", role, privilege


def _split_privileges(text: str) -> Iterator[str]:
    """``SELECT, UPDATE (a, b)`` as SELECT, "UPDATE a", "UPDATE b"."""
    depth_free = text.replace(", ", ",")
    part = ""
    for character in depth_free + ",":
        if character != "," or part.count("(") > part.count(")"):
            part += character
            continue
        verb, _, columns = part.partition(" (")
        yield from (f"{verb} {c}" for c in columns.rstrip(")").split(",")) if columns else (verb,)
        part = ""


def _table(cursor: Any, table: Table) -> Iterator[dict[str, str]]:
    name = f"{table.dataset}.{table.name}"
    cursor.execute(
        "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass(%s)", (ddl.qualified(table),)
    )
    row = cursor.fetchone()
    if row is None:
        yield _finding("missing_table", name, f"The table {name} does not exist.")
        return
    if row[0] != OWNER:
        way_out = f"ALTER TABLE {name} OWNER TO {OWNER}"
        yield _finding("wrong_owner", name, f"{name} belongs to {row[0]}, not to {OWNER}.", way_out)
    if tuple(column_state(cursor, ddl.qualified(table))) != table.column_names:
        detail = f"The columns of {name} are not the catalogue's."
        yield _finding("wrong_columns", name, detail, "Deploy again; its error names the difference.")
    have = constraint_state(cursor, ddl.qualified(table))
    for constraint, _ in ddl.constraints(table):
        if constraint not in have:
            yield _finding("missing_constraint", name, f"{name} lacks the constraint {constraint}.")
