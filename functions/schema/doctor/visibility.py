"""Faults by which a table shows other rows than its own, or loses them, though its columns are right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql, from_catalog, ident
from dataforge.postgres.visible_rows import CHILDREN
from dataforge.tables.catalogue import Dataset
from functions.schema.difference import LEDGER, LEDGER_TABLES
from functions.schema.doctor.fault import Fault

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_TABLES = Sql("""
    SELECT n.nspname || '.' || c.relname, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relrowsecurity,
           c.relpersistence = 'u',
           {},
           ARRAY(SELECT rulename::text FROM pg_rewrite
                 WHERE ev_class = c.oid AND is_instead AND ev_enabled <> 'D' ORDER BY 1)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname = %s AND c.relname = ANY(%s) ORDER BY 1
""").format(CHILDREN)


def row_security_faults(cursor: Cursor, datasets: Iterable[Dataset]) -> Iterator[Fault]:
    """Tables with row security, also where it hides no row today. Only their owner can decide who may read what."""
    return (fault for fault in visibility_faults(cursor, datasets) if fault.code == "row_security")


def visibility_faults(cursor: Cursor, datasets: Iterable[Dataset]) -> Iterator[Fault]:
    """Row security, child tables, tables that are not logged, and rules that replace a statement."""
    tables = {LEDGER: list(LEDGER_TABLES)} | {d.name: list(d.tables) for d in datasets}
    for schema, names in tables.items():
        cursor.execute(_TABLES, (schema, names))
        for name, quoted, *found in cursor.fetchall():
            yield from _faults(name, from_catalog(quoted), *found)


def _faults(
    name: str, quoted: Sql, secured: bool, unlogged: bool, children: list[str], rules: list[str]
) -> Iterator[Fault]:
    alter = Sql("ALTER TABLE {}").format(quoted)
    if secured:
        detail = (
            f"Row security is enabled on {name}. Every operation on it is refused: rows might be hidden. Limit readers by"
            " views and grants (docs/operations.md)."
        )
        yield Fault("row_security", name, detail, by_hand=f"{alter} DISABLE ROW LEVEL SECURITY")
    for child in children:
        detail = f"{name} shows the rows of its child table {child} as its own. Backups of it are refused."
        yield Fault("child_table", name, detail, by_hand=f"ALTER TABLE {child} NO INHERIT {quoted}")
    if unlogged:
        detail = f"{name} is unlogged: a crash of the server empties it."
        yield Fault("unlogged", name, detail, by_hand=f"{alter} SET LOGGED")
    for rule in rules:
        detail = f"The rule {rule} of {name} replaces statements. Records that it keeps out are rejected."
        yield Fault(
            "instead_rule", name, detail, by_hand=Sql("DROP RULE {} ON {}").format(ident(rule), quoted)
        )
