"""Reject orphans: rows whose parent does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.postgres import ddl, shadow
from dataforge.postgres.references import has_values, is_parent
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import ForeignKey, Table
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.migration import Run
from functions.migrate.run.row_conditions import values_sql


def remove_orphans(run: Run, table: Table, rejected: RejectedRows) -> None:
    """Reject rows whose parent is neither in the run nor stored; a row may lack several parents.

    In a table that refers to itself, the children of rejected rows are orphans in turn.
    """
    refers_to_itself = any(key.parent == table.name for key in table.foreign_keys)
    more = True
    while more:
        for key in table.foreign_keys:
            orphans = Sql("SELECT s.{}, s.ctid, {} FROM {} s WHERE {}").format(
                shadow.SOURCE,
                values_sql(key, "s"),
                run.shadow(table),
                Sql(" AND ").join((has_values(key, "s"), *_no_parent(run, key))),
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
        yield Sql("NOT EXISTS (SELECT FROM {} p WHERE {})").format(relation, is_parent(key, "p", "s"))
