"""The rules that depend on other rows: duplicates, orphans and conflicts."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.postgres import ddl, shadow
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey, Table
from functions.migrate.resolve.rejected_rows import CONFLICT, STORED_CONFLICT, RejectedRows
from functions.migrate.run.migration import Run
from functions.migrate.run.row_conditions import columns_of, same_key, same_row


def remove_duplicates(run: Run, table: Table, rejected: RejectedRows) -> None:
    """Of identical rows, delete those after the first in file order. ``remove_conflicts`` reuses the query's result."""
    ranked = Sql(
        "SELECT s.ctid AS row_id, row_number() OVER (PARTITION BY {row} ORDER BY s.{source}) AS number,"
        " min(s.ctid) OVER (PARTITION BY {row_key}) AS key_group"
        " FROM {shadow} s JOIN (SELECT {key} FROM {shadow} GROUP BY {key} HAVING count(*) > 1) k ON {same_key}"
    ).format(
        row=columns_of("s", table.column_names),
        source=shadow.SOURCE,
        row_key=columns_of("s", table.key),
        shadow=run.shadow(table),
        key=Sql(", ").join(map(ident, table.key)),
        same_key=same_key(table, "s", "k"),
    )
    if table.keyed_by_row:
        rejected.delete_duplicates(ranked)
    else:
        rejected.delete_duplicates_of_keys(ranked)


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


def remove_conflicts(rejected: RejectedRows) -> None:
    """Of different rows with one key, reject those after the first in file order."""
    rejected.mark_later_rows_of_keys(CONFLICT)
    rejected.delete_marked()


def remove_stored_conflicts(run: Run, table: Table, rejected: RejectedRows) -> None:
    """Reject rows whose key is stored with other values."""
    if table.keyed_by_row:
        return
    conflicts = Sql("SELECT s.{}, s.ctid, NULL FROM {} s JOIN {} l ON {} WHERE NOT ({})").format(
        shadow.SOURCE,
        run.shadow(table),
        ddl.qualified(table),
        same_key(table, "s", "l"),
        same_row(table, "s", "l"),
    )
    rejected.mark(conflicts, STORED_CONFLICT)
    rejected.delete_marked()
