"""Reject orphans: rows whose parent does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.postgres import ddl, shadow
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey, Table
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.migration import Run


def remove_orphans(run: Run, table: Table, rejected: RejectedRows) -> None:
    """Reject rows whose parent is neither in the run nor stored; a row may lack several parents.

    In a table that refers to itself, the children of rejected rows are orphans in turn.
    """
    refers_to_itself = any(key.parent == table.name for key in table.foreign_keys)
    more = True
    while more:
        for key in table.foreign_keys:
            orphans = Sql(
                "SELECT s.{source}, s.ctid, s.{column}::text FROM {shadow} s WHERE s.{column} IS NOT NULL AND {no_parent}"
            ).format(
                source=shadow.SOURCE,
                column=ident(key.column),
                shadow=run.shadow(table),
                no_parent=Sql(" AND ").join(_no_parent(run, key)),
            )
            rejected.mark(orphans, key.name)
        more = rejected.delete_marked() and refers_to_itself


def _no_parent(run: Run, key: ForeignKey) -> Iterator[Sql]:
    """The SQL conditions, one per relation that may hold it, that the parent of a row ``s`` does not exist."""
    parent = run.dataset.table(key.parent)
    in_run = key.parent in {t.name for t in run.tables}
    relations = [run.shadow(parent)] if in_run else []
    if not in_run or run.mode == "merge":
        relations.append(ddl.qualified(parent))
    for relation in relations:
        yield Sql("NOT EXISTS (SELECT FROM {} p WHERE p.{} = s.{})").format(
            relation, ident(key.parent_column), ident(key.column)
        )
