"""The rights in effect, by grants, membership, ownership and through PUBLIC, and the declared ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dataforge.postgres.roles import DATABASE_GRANTS, LEDGER_OWNER, MEMBERSHIPS, OWNER, ROLES
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.steps import SCHEMA
from functions.schema.declared_rights import (
    on_functions,
    on_ledger,
    on_schema,
    on_sequence,
    on_tables,
)
from functions.schema.difference import LEDGER

Query = Callable[..., list[tuple[Any, ...]]]
Right = tuple[str, str, str]
"""A role, a privilege and the object."""

OURS = (LEDGER, SCHEMA, *DATASETS)
OWNERS = dict.fromkeys(OURS, OWNER) | {LEDGER: LEDGER_OWNER}

OBJECTS = """
    SELECT 'database' AS kind, oid, 'database' AS name, datdba AS owner FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT 'database', oid, 'database ' || datname, datdba FROM pg_database
    WHERE datname IN ('postgres', 'template1')
    UNION ALL SELECT 'schema', oid, nspname, nspowner FROM pg_namespace
    UNION ALL SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, oid,
                     relnamespace::regnamespace || '.' || relname, relowner
    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT 'function', oid, replace(oid::regprocedure::text, ' ', ''), proowner FROM pg_proc
    UNION ALL SELECT 'type', oid, 'type ' || oid::regtype, typowner FROM pg_type WHERE typelem = 0
    UNION ALL SELECT 'language', oid, lanname, lanowner FROM pg_language
    UNION ALL SELECT 'tablespace', oid, spcname, spcowner FROM pg_tablespace
    UNION ALL SELECT 'foreign_data_wrapper', oid, fdwname, fdwowner FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'server', oid, srvname, srvowner FROM pg_foreign_server
"""
KINDS = {"database": "d", "schema": "n", "table": "r", "sequence": "s", "function": "f", "type": "T"}
KINDS |= {"language": "l", "tablespace": "t", "foreign_data_wrapper": "F", "server": "S"}
"""The letter of each kind in ``acldefault``, which lists all its privileges for an owner."""
ON_OBJECTS = " UNION ALL ".join(
    f"SELECT role, privilege_type, o.name, o.owner FROM objects o, roles, aclexplode(acldefault('{letter}', 10))"
    f" WHERE o.kind = '{kind}' AND grantee = 10 AND has_{kind}_privilege(role, o.oid, privilege_type)"
    for kind, letter in KINDS.items()
)
ON_COLUMNS = """
    SELECT role, privilege, relnamespace::regnamespace || '.' || relname || '.' || attname, relowner
    FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped, roles,
         unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) privilege
    WHERE attacl IS NOT NULL
      AND has_column_privilege(role, c.oid, attnum, privilege) AND NOT has_table_privilege(role, c.oid, privilege)
"""
"""Privileges on a column but not on its table need an ACL of the column."""
IN_EFFECT = f"""
    WITH objects AS MATERIALIZED ({OBJECTS}), roles (role) AS (SELECT unnest(%s::text[]))
    SELECT DISTINCT role, privilege, name FROM ({ON_OBJECTS} UNION ALL {ON_COLUMNS}) found (role, privilege, name, owner)
    WHERE role <> pg_get_userbyid(owner)
"""
"""The rights of the roles on all objects of other owners."""


def in_effect(query: Query, *roles: str) -> set[Right]:
    """The rights of the roles on objects that they do not own. ``query`` executes a statement as the superuser."""
    return {(role, privilege, name) for role, privilege, name in query(IN_EFFECT, [*roles])}


def differences(query: Query) -> tuple[list[Right], list[Right]]:
    """The rights in effect that nothing declares, and the declared ones that are not in effect.

    PUBLIC has none on our objects. Those on others are not compared: every role of the server has them.
    """
    public = {right for right in in_effect(query, "public") if not _is_ours(right)}
    everywhere = {(privilege, name) for _, privilege, name in public}
    found = {right for right in in_effect(query, *ROLES, "public") if right[1:] not in everywhere}
    expected = set(_effect(set(_with_inherited(set(_declared())))))
    return sorted(found - expected), sorted(expected - found)


def _is_ours(right: Right) -> bool:
    name = right[2]
    return name == "database" or name.partition(".")[0] in OURS


def _declared() -> Iterator[Right]:
    """The rights that the grants and the catalogue declare."""
    yield from ((role, privilege, "database") for role, privilege in DATABASE_GRANTS)
    for right in (*on_ledger(), *on_tables(DATASETS.values()), *(r for s in OURS for r in on_schema(s))):
        name = f"{right.where()}.{right.column}" if right.column else right.where()
        yield right.role, right.privilege, name
    for dataset in DATASETS.values():
        for table in dataset.tables.values():
            if table.identity_column:
                sequence = f"{table.name}_{table.identity_column}_seq"
                for right in on_sequence(dataset.name, sequence):
                    yield right.role, right.privilege, right.where()
    yield from ((role, "EXECUTE", function) for function, role in on_functions())


def _with_inherited(rights: set[Right]) -> Iterator[Right]:
    """The rights, and those that an owner has as a member of the roles of runs."""
    yield from rights
    members = [pair for pair, statement in MEMBERSHIPS.items() if "INHERIT TRUE" in statement]
    for role, member in members:
        yield from ((member, privilege, name) for granted, privilege, name in rights if granted == role)


def _effect(rights: set[Right]) -> Iterator[Right]:
    """The rights without those of owners on their own objects, and on columns of tables with the same right."""
    for role, privilege, name in rights:
        if (
            OWNERS.get(name.partition(".")[0]) != role
            and (role, privilege, name.rpartition(".")[0]) not in rights
        ):
            yield role, privilege, name
