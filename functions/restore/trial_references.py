"""Find in a dry run what undeclared foreign keys of the restored tables would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.errors import WouldOrphan
from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Table
from functions.restore.difference import differing_rows
from functions.restore.references import count_finding
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_OWN = """
    SELECT k.conname::text, n.nspname::text, r.relname::text,
           ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY u(number, place)
                 JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY place),
           ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY u(number, place)
                 JOIN pg_attribute ON attrelid = confrelid AND attnum = number ORDER BY place)
    FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE k.contype = 'f' AND k.conrelid = %s::regclass AND k.conparentid = 0 AND k.conname <> ALL (%s)
      AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(r.oid, 'SELECT') ORDER BY 1
"""
"""Foreign keys to tables that the restore may not read are found by the restore only."""


def check_own_references(cursor: Cursor, run: Run) -> None:
    """Raises ``WouldOrphan`` if changed rows have no parent, or if unchanged rows lose theirs."""
    findings: list[str] = []
    for table in run.tables:
        cursor.execute(_OWN, (ddl.qualified(table), [key.name for key in table.foreign_keys]))
        for name, schema, parent, columns, parent_columns in cursor.fetchall():
            condition = _orphans(run, (schema, parent), list(zip(columns, parent_columns, strict=True)))
            text = f"to be restored into {table.dataset}.{table.name} have no parent in {schema}.{parent} ({name})"
            own = Sql(", ").join(Sql("s.{}").format(ident(column)) for column in columns)
            findings += count_finding(cursor, _rows(run, table), own, condition, text)
    if findings:
        raise WouldOrphan(findings)


def _rows(run: Run, table: Table) -> Sql:
    """The rows of the backup (s), with the stored row that each changes (l)."""
    return Sql("{} s LEFT JOIN ({}) d ON d.source = s.ctid LEFT JOIN {} l ON l.ctid = d.place").format(
        run.shadow(table), differing_rows(run, table), ddl.qualified(table)
    )


def _orphans(run: Run, parent: tuple[str, str], columns: list[tuple[str, str]]) -> Sql:
    """PostgreSQL checks rows that are added or whose values change, and rows whose parent is deleted."""
    schema, name = parent
    live = Sql("{}.{}").format(ident(schema), ident(name))
    inside = schema == run.dataset.name and run.has(name)
    after = run.shadow(run.dataset.table(name)) if inside else live
    same = Sql(" AND ").join(Sql("p.{} = s.{}").format(ident(theirs), ident(own)) for own, theirs in columns)
    has_values = Sql(" AND ").join(Sql("s.{} IS NOT NULL").format(ident(own)) for own, _ in columns)
    differs = Sql(" OR ").join(Sql("l.{0} IS DISTINCT FROM s.{0}").format(ident(own)) for own, _ in columns)
    return Sql(
        "{has_values} AND NOT EXISTS (SELECT FROM {after} p WHERE {same}) AND (d.source IS NOT NULL"
        " AND (d.place IS NULL OR {differs}) OR EXISTS (SELECT FROM {live} p WHERE {same}))"
    ).format(has_values=has_values, after=after, live=live, same=same, differs=differs)
