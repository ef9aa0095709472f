"""Foreign keys between restored tables and others: refuse a restore that would leave rows without a parent.

Those that refer to the restored tables are read from PostgreSQL, because tables outside the catalogue may do so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge.errors import TargetRejectsRows, WouldOrphan
from dataforge.postgres import ddl
from dataforge.postgres.references import has_values, is_parent
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.tables.catalogue import ForeignKey, Table
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_GUARDED = "ar"
"""``confdeltype`` of foreign keys that prevent the deletion of a parent (no action, restrict)."""

_CHILDREN = """
    SELECT k.conname, n.nspname, r.relname, k.confdeltype::text,
           ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY u(number, place)
                 JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY place),
           ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY u(number, place)
                 JOIN pg_attribute ON attrelid = confrelid AND attnum = number ORDER BY place),
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(r.oid, 'SELECT'),
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(r.oid, 'UPDATE, DELETE, TRUNCATE'
               || CASE WHEN current_setting('server_version_num')::int >= 170000 THEN ', MAINTAIN' ELSE '' END)
    FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid JOIN pg_namespace n ON n.oid = r.relnamespace
    WHERE k.contype = 'f' AND k.confrelid = %s::regclass AND k.conparentid = 0 ORDER BY 2, 3, 1
"""


@dataclass(frozen=True)
class Child:
    """A foreign key of the table ``relation``, outside the restore, that refers to a restored table.

    ``guarded``: PostgreSQL prevents the deletion of its parents. ``readable`` and ``lockable``: the restore may select
    its rows, and lock it against writers.
    """

    name: str
    relation: Sql
    columns: tuple[Sql, ...]
    parent: Table
    parent_columns: tuple[Sql, ...]
    guarded: bool
    readable: bool
    lockable: bool

    @property
    def deletes_unseen(self) -> bool:
        """Whether a deletion of its parents deletes rows that the restore may not select."""
        return not self.guarded and not (self.readable and self.lockable)


def deletes_unseen(child: Child) -> TargetRejectsRows:
    """The error for a child whose rows would be deleted unseen."""
    return TargetRejectsRows(
        f"{child.name} deletes rows of {child.relation} with rows of {child.parent.name}, and Data Forge may not"
        " select them.",
        hint=f"Grant SELECT and DELETE on {child.relation} to {RESTORE_RUN}, or drop the constraint.",
    )


def children(cursor: Cursor, run: Run) -> list[Child]:
    """The foreign keys that refer to the restore's tables from other tables."""
    inside = {ddl.qualified(table) for table in run.tables} | {run.replaced(table) for table in run.tables}
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
    """The foreign keys of the restore's tables that refer to other tables, or with ``inside`` to each other."""
    for table in run.tables:
        yield from ((table, key) for key in table.foreign_keys if run.has(key.parent) == inside)


def check_children(cursor: Cursor, run: Run, changed: Iterable[str]) -> None:
    """Raises ``WouldOrphan`` if rows of other tables refer to rows that the tables ``changed`` lose."""
    names = set(changed)
    findings: list[str] = []
    for child in children(cursor, run):
        if child.parent.name not in names:
            continue
        if child.deletes_unseen:
            raise deletes_unseen(child)
        if child.readable:
            cursor.execute(orphaned(run, child))
            findings += [text for (text,) in cursor.fetchall()]
    if findings:
        raise WouldOrphan(findings)


def orphaned(run: Run, child: Child) -> Sql:
    """The query of a finding: rows of a child that lose their parent."""
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
    return finding(Sql("{} c").format(child.relation), columns, condition, text)


def check_parents(cursor: Cursor, run: Run, *, within: bool = False) -> None:
    """Raises ``WouldOrphan`` if restored rows refer to missing rows of other tables.

    ``within``: also to missing rows of restored tables, which the creation of foreign keys finds as well.
    """
    findings: list[str] = []
    for table, key in parents(run):
        cursor.execute(without_parent(run, table, key, ddl.qualified(run.dataset.table(key.parent))))
        findings += [text for (text,) in cursor.fetchall()]
    for table, key in parents(run, inside=True) if within else ():
        cursor.execute(without_parent(run, table, key, run.shadow(run.dataset.table(key.parent))))
        findings += [text for (text,) in cursor.fetchall()]
    if findings:
        raise WouldOrphan(findings)


def without_parent(run: Run, table: Table, key: ForeignKey, parent: Sql) -> Sql:
    """The query of a finding: rows that have no parent in the relation ``parent``."""
    columns = Sql(", ").join(Sql("c.{}").format(ident(column)) for column in key.columns)
    condition = Sql("{} AND NOT EXISTS (SELECT FROM {} p WHERE {})").format(
        has_values(key, "c"), parent, is_parent(key, "p", "c")
    )
    text = f"to be restored into {table.dataset}.{table.name} have no parent in {key.parent} ({key.name})"
    return finding(Sql("{} c").format(run.shadow(table)), columns, condition, text)


def count_finding(cursor: Cursor, relation: Sql, columns: Sql, condition: Sql, text: str) -> Iterator[str]:
    """One finding if rows meet the condition: their number. Their keys must not appear in an execution's history."""
    cursor.execute(finding(relation, columns, condition, text))
    yield from (found for (found,) in cursor.fetchall())


def finding(relation: Sql, columns: Sql, condition: Sql, text: str) -> Sql:
    """The query of a finding: a text if rows meet the condition, otherwise no row."""
    return Sql(
        "SELECT count(*) || {} || count(DISTINCT ({})) AS text FROM {} WHERE {} HAVING count(*) > 0"
    ).format(literal(f" row(s) {text}; missing keys: "), columns, relation, condition)
