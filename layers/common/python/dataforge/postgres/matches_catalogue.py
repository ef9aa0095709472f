"""Check whether a table has only what the catalogue declares, so that a swap loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.roles import OWNER, table_grants
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, literal
from dataforge.tables.catalogue import Dataset, Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_FOUND = Sql("""
SELECT (SELECT array_agg(ARRAY[attname, attnotnull]::text[] ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
       (SELECT array_agg(i.relname::text) FROM pg_index JOIN pg_class i ON i.oid = indexrelid WHERE indrelid = c.oid),
       (SELECT array_agg(conname::text) FROM pg_constraint WHERE conrelid = c.oid AND contype <> 'n'),
       (SELECT array_agg(ARRAY[k.conname, n.nspname, r.relname]::text[]) FROM pg_constraint k
        JOIN pg_class r ON r.oid = k.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace WHERE k.confrelid = c.oid),
       (SELECT array_agg(DISTINCT ARRAY[grantee::regrole::text, privilege_type])
        FROM aclexplode(c.relacl) WHERE grantee <> c.relowner),
       c.relowner <> to_regrole({})
       OR c.relrowsecurity OR c.relforcerowsecurity OR c.reloptions IS NOT NULL OR c.relreplident <> 'd'
       OR c.relpersistence <> 'p' OR c.reltablespace <> 0
       OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND (attacl IS NOT NULL OR attoptions IS NOT NULL))
       OR EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
       OR EXISTS (SELECT FROM pg_depend d WHERE d.deptype <> 'i' AND d.classid <> 'pg_constraint'::regclass
                  AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
                       OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray))
                  AND NOT (d.classid = 'pg_class'::regclass
                           AND d.objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid)))
FROM pg_class c JOIN pg_type t ON t.oid = c.reltype WHERE c.oid = {}::regclass
""")
"""Columns, indexes, constraints, foreign keys to the table, grants, and whether anything else exists: another owner,
settings of the table, rights on a column, or any object that depends on it (views, rules, triggers, policies,
publications, statistics, functions, defaults, columns of its type)."""


def is_pristine(cursor: Cursor, dataset: Dataset, table: Table) -> bool:
    """Whether the table has no additions and no dependent objects that the catalogue does not declare."""
    cursor.execute(_found(table))
    columns, indexes, constraints, references, grants, more = one_row(cursor)
    own_indexes = {name for name, _ in (*ddl.keys(table), *ddl.index_statements(table))}
    children = {(key.name, dataset.name, child.name) for child, key in dataset.children(table.name)}
    return (
        columns == [[column.name, "false" if column.nullable else "true"] for column in table.columns]
        and set(indexes or ()) <= own_indexes
        and set(constraints or ()) <= {name for name, _ in ddl.constraints(table)}
        and {tuple(reference) for reference in references or ()} <= children
        and {tuple(grant) for grant in grants or ()} <= table_grants()
        and not more
    )


def state_of_objects(table: Table) -> Sql:
    """The query of a number that is the same while nothing is added to the table that ``is_pristine`` would find."""
    return Sql("SELECT hashtextextended(found::text, 0) FROM ({}) found").format(_found(table))


def _found(table: Table) -> Sql:
    return _FOUND.format(literal(OWNER), literal(ddl.qualified(table)))
