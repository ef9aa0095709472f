"""Findings about tables that hide rows, return rows of other tables, or can lose rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql, from_catalog, ident
from dataforge.postgres.visible_rows import CHILDREN
from dataforge.tables.catalogue import Dataset
from functions.schema.difference import LEDGER, LEDGER_TABLES
from functions.schema.doctor.finding import Finding

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


def row_security_findings(cursor: Cursor, datasets: Iterable[Dataset]) -> Iterator[Finding]:
    """Tables with row security, even if it hides no row at present. Only the owner can decide about access."""
    return (finding for finding in visibility_findings(cursor, datasets) if finding.code == "row_security")


def visibility_findings(cursor: Cursor, datasets: Iterable[Dataset]) -> Iterator[Finding]:
    """Row security, child tables, unlogged tables, and INSTEAD rules."""
    tables = {LEDGER: list(LEDGER_TABLES)} | {d.name: list(d.tables) for d in datasets}
    for schema, names in tables.items():
        cursor.execute(_TABLES, (schema, names))
        for name, quoted, *found in cursor.fetchall():
            yield from _findings(name, from_catalog(quoted), *found)


def _findings(
    name: str, quoted: Sql, secured: bool, unlogged: bool, children: list[str], rules: list[str]
) -> Iterator[Finding]:
    alter = Sql("ALTER TABLE {}").format(quoted)
    if secured:
        detail = (
            f"Row security is enabled on {name}. Every operation on it is refused, because rows may be hidden."
            " Restrict readers with views and grants (docs/operations.md)."
        )
        yield Finding("row_security", name, detail, hint=f"{alter} DISABLE ROW LEVEL SECURITY")
    for child in children:
        detail = f"{name} returns the rows of its child table {child}. Backups of it are refused."
        yield Finding("child_table", name, detail, hint=f"ALTER TABLE {child} NO INHERIT {quoted}")
    if unlogged:
        detail = f"{name} is unlogged: a crash of the server empties it."
        yield Finding("unlogged", name, detail, hint=f"{alter} SET LOGGED")
    for rule in rules:
        detail = (
            f"The rule {rule} of {name} replaces statements. Records that it does not store are rejected."
        )
        yield Finding(
            "instead_rule", name, detail, hint=Sql("DROP RULE {} ON {}").format(ident(rule), quoted)
        )
