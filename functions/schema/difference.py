"""What a table is, and what it would be if it were made today.

PostgreSQL rewrites constraint expressions, so a definition is compared with the one it prints for a table made from the
catalogue beside it, in a schema that the transaction drops again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataforge import ddl
from dataforge.catalogue import Table

_SCRATCH = "dataforge_scratch"


@dataclass(frozen=True)
class ColumnState:
    """A column's type, as ``format_type`` prints it, and whether it is NOT NULL."""

    type: str
    not_null: bool


def column_state(cursor: Any, relation: str) -> dict[str, ColumnState]:
    """The columns of a relation (a quoted, qualified name), in order."""
    cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (relation,),
    )
    return {name: ColumnState(kind, not_null) for name, kind, not_null in cursor.fetchall()}


def constraint_state(cursor: Any, relation: str) -> dict[str, str]:
    """Name and printed definition of a relation's keys, checks and foreign keys."""
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'c', 'f')",
        (relation,),
    )
    return dict(cursor.fetchall())


def expected_state(cursor: Any, table: Table) -> dict[str, str]:
    """Name and printed definition of the constraints that the catalogue declares. Parents must exist."""
    cursor.execute(f"CREATE SCHEMA {_SCRATCH}")
    cursor.execute(ddl.create_table(table, _SCRATCH))
    for name, definition in ddl.constraints(table):
        cursor.execute(
            f"ALTER TABLE {ddl.qualified(table, _SCRATCH)} ADD CONSTRAINT {ddl.ident(name)} {definition}"
        )
    state = constraint_state(cursor, ddl.qualified(table, _SCRATCH))
    cursor.execute(f"DROP SCHEMA {_SCRATCH} CASCADE")
    return state
