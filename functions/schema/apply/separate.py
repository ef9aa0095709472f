"""Move the ledger from the owner of the datasets, to which it belonged in earlier versions, to its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import LEDGER_OWNER, OWNER, ROLE_SQL
from dataforge.postgres.shadow import attempt
from dataforge.postgres.sql import Sql, from_catalog
from functions.schema.difference import LEDGER

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


LOCK = "2s"
"""How long a table's lock is awaited. Later sessions queue behind it meanwhile."""
TRIES = 5

_OBJECTS = """
    SELECT 'SCHEMA ' || quote_ident(nspname), 0 FROM pg_namespace
    WHERE nspname = %(schema)s AND nspowner = to_regrole(%(owner)s)
    UNION ALL SELECT CASE relkind WHEN 'v' THEN 'VIEW ' WHEN 'm' THEN 'MATERIALIZED VIEW ' WHEN 'S' THEN 'SEQUENCE '
                     WHEN 'f' THEN 'FOREIGN TABLE ' ELSE 'TABLE ' END || oid::regclass, 1
    FROM pg_class c WHERE relnamespace = to_regnamespace(%(schema)s) AND relowner = to_regrole(%(owner)s)
      AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                      AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i'))
    UNION ALL SELECT CASE prokind WHEN 'p' THEN 'PROCEDURE ' WHEN 'a' THEN 'AGGREGATE ' ELSE 'FUNCTION ' END
                     || oid::regprocedure, 2
    FROM pg_proc WHERE pronamespace = to_regnamespace(%(schema)s) AND proowner = to_regrole(%(owner)s)
    UNION ALL SELECT 'TYPE ' || t.oid::regtype, 3
    FROM pg_type t LEFT JOIN pg_class c ON c.oid = typrelid
    WHERE typnamespace = to_regnamespace(%(schema)s) AND typowner = to_regrole(%(owner)s) AND typelem = 0
      AND typtype <> 'm' AND coalesce(c.relkind, 'c') = 'c'
    ORDER BY 2, 1
"""
"""Everything in the schema, also what an administrator added as its owner. Sequences of columns follow their tables."""


def separate(db: Connection) -> Iterator[str]:
    """Move what still belongs to the other owner, each object in its own transaction, and yield the changes.

    An object whose lock is not obtained is left to the next deployment; the doctor reports it.
    """
    with transaction(db) as cursor:
        cursor.execute(_OBJECTS, {"schema": LEDGER, "owner": OWNER})
        objects = [from_catalog(found) for found, _ in cursor.fetchall()]
    for found in objects:
        if any(_move(db, found) for _ in range(TRIES)):
            yield f"moved {found} to {LEDGER_OWNER}"


def _move(db: Connection, found: Sql) -> bool:
    """Change the owner. The grants of the former owner go with it, so they are made again."""
    name = found.partition(" ")[2]
    with transaction(db) as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK,))
        with attempt(cursor, psycopg2.errors.LockNotAvailable) as failed:
            cursor.execute(Sql("ALTER {} OWNER TO {}").format(found, LEDGER_OWNER))
            for statement in ROLE_SQL:
                if f"{name}," in f"{statement.partition(' TO ')[0]},".replace(f"SCHEMA {LEDGER}", LEDGER):
                    cursor.execute(statement)
    return not failed
