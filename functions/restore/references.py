"""Foreign keys between what is restored and what is not: who would lose a parent, and who would have none.

Those that lead to the tables are read from PostgreSQL, for the owner may have tables of his own that refer to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.errors import TargetRejectsRows, WouldOrphan
from dataforge.postgres import ddl
from dataforge.postgres.roles import OWNER
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import ForeignKey, Table
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_GUARDED = "ar"
"""What PostgreSQL calls the foreign keys that refuse to lose a parent (no action, restrict)."""

_CHILDREN = """
    SELECT k.conname, n.nspname, r.relname, k.confdeltype::text,
           ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY u(number, place)
                 JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY place),
           ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY u(number, place)
                 JOIN pg_attribute ON attrelid = confrelid AND attnum = number ORDER BY place),
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(r.oid, 'SELECT'),
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(r.oid, 'UPDATE, DELETE, TRUNCATE, MAINTAIN')
    FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE k.contype = 'f' AND k.confrelid = %s::regclass AND k.conparentid = 0 ORDER BY 2, 3, 1
"""


@dataclass(frozen=True)
class Child:
    """A foreign key that leads from a table outside the restore to one inside; names as they stand in SQL.

    ``guarded``: PostgreSQL itself keeps its rows from losing their parents. ``readable``: we may look for them.
    ``lockable``: we may keep others from writing to it.
    """

    name: str
    relation: Sql
    columns: tuple[Sql, ...]
    parent: Table
    parent_columns: tuple[Sql, ...]
    guarded: bool
    readable: bool
    lockable: bool


def children(cursor: Cursor, run: Run) -> list[Child]:
    """All foreign keys from outside the restore to its tables."""
    inside = {ddl.qualified(table) for table in run.tables} | {run.kept(table) for table in run.tables}
    found = []
    for table in run.tables:
        cursor.execute(_CHILDREN, (ddl.qualified(table),))
        for name, schema, relation, action, columns, parent_columns, *may in cursor.fetchall():
            child = Sql("{}.{}").format(ident(schema), ident(relation))
            if child not in inside:
                own = tuple(map(ident, columns)), table, tuple(map(ident, parent_columns))
                found.append(Child(name, child, *own, action in _GUARDED, *may))
    return found


def parents(run: Run, *, inside: bool = False) -> Iterator[tuple[Table, ForeignKey]]:
    """The foreign keys that lead from the restore's tables to tables outside it; or to those inside."""
    for table in run.tables:
        yield from ((table, key) for key in table.foreign_keys if run.has(key.parent) == inside)


def check_children(cursor: Cursor, run: Run, changed: Iterable[str]) -> None:
    """Raises ``WouldOrphan`` if rows outside the restore refer to rows that it takes away from the tables ``changed``."""
    names = set(changed)
    findings: list[str] = []
    for child in children(cursor, run):
        if child.parent.name not in names:
            continue
        if not child.guarded and not (child.readable and child.lockable):
            raise TargetRejectsRows(
                f"Rows of {child.relation} go with rows of {child.parent.name} ({child.name}), and we may not look for them."
                f" Grant SELECT and DELETE on it to {OWNER}, or drop the constraint."
            )
        if child.readable:
            findings += _lost(cursor, run, child)
    if findings:
        raise WouldOrphan(findings)


def _lost(cursor: Cursor, run: Run, child: Child) -> Iterator[str]:
    columns = Sql(", ").join(Sql("c.{}").format(column) for column in child.columns)
    same = Sql(" AND ").join(
        Sql("p.{} = c.{}").format(parent, column)
        for parent, column in zip(child.parent_columns, child.columns, strict=True)
    )
    condition = Sql(" AND ").join(
        [
            *(Sql("c.{} IS NOT NULL").format(column) for column in child.columns),
            Sql("EXISTS (SELECT FROM {} p WHERE {})").format(ddl.qualified(child.parent), same),
            Sql("NOT EXISTS (SELECT FROM {} p WHERE {})").format(run.shadow(child.parent), same),
        ]
    )
    name = child.relation.replace('"', "")
    text = f"of {name} would lose their parents ({child.name})"
    yield from _found(cursor, Sql("{} c").format(child.relation), columns, condition, text)


def check_parents(cursor: Cursor, run: Run, *, all_of_them: bool = False) -> None:
    """Raises ``WouldOrphan`` if restored rows refer to rows that do not exist outside the restore.

    ``all_of_them``: also to rows inside it. Building the keys finds those as well.
    """
    findings: list[str] = []
    for table, key in parents(run):
        findings += _lacking(cursor, run, table, key, ddl.qualified(run.dataset.table(key.parent)))
    for table, key in parents(run, inside=True) if all_of_them else ():
        findings += _lacking(cursor, run, table, key, run.shadow(run.dataset.table(key.parent)))
    if findings:
        raise WouldOrphan(findings)


def _lacking(cursor: Cursor, run: Run, table: Table, key: ForeignKey, parent: Sql) -> Iterator[str]:
    column = Sql("c.{}").format(ident(key.column))
    same = Sql("p.{} = {}").format(ident(key.parent_column), column)
    condition = Sql("{} IS NOT NULL AND NOT EXISTS (SELECT FROM {} p WHERE {})").format(column, parent, same)
    text = f"to be restored into {table.dataset}.{table.name} have no parent in {key.parent} ({key.name})"
    yield from _found(cursor, Sql("{} c").format(run.shadow(table)), column, condition, text)


def _found(cursor: Cursor, relation: Sql, columns: Sql, condition: Sql, text: str) -> Iterator[str]:
    """One finding, if rows meet the condition: how many they are. An execution's history must not hold their keys."""
    cursor.execute(
        Sql("SELECT count(*), count(DISTINCT ({})) FROM {} WHERE {}").format(columns, relation, condition),
    )
    count, keys = one_row(cursor)
    if count:
        yield f"{count} row(s) {text}; missing keys: {keys}"
