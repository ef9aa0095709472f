"""Settling a table: what depends on other rows. Duplicates, orphans and conflicts leave the shadow, with their reasons.

The order decides, and is the same in every run: identical rows are one; then a row without its parent is an orphan; then,
of different rows with one key, the stored one or else the first in the file wins (a run that is to update asks only the
files). Clean data never pays for it: the constraints are simply built, and only if PostgreSQL refuses one is the culprit
looked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psycopg2.errors

from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.sql import Sql, ident
from dataforge.records.rejections import store
from dataforge.runs import leases
from dataforge.tables.catalogue import ForeignKey, Table
from functions.migrate.reconcile.files import file_numbers
from functions.migrate.resolve.locate import locate
from functions.migrate.resolve.rejected_rows import CONFLICT, STORED_CONFLICT, Removal
from functions.migrate.run.declared import no_longer_fits, require_columns
from functions.migrate.run.ledger import RowsByFile, Settled, read_settled, store_settled
from functions.migrate.run.migration import Run, read_run, shadow_count_and_hash

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


def settle(db: Connection, s3: S3Client, run_id: str, table_name: str) -> dict[str, Any]:
    """Settle one table; its parents in the run are settled. One transaction; once done, repeating it changes nothing.

    Returns counts: rows left in the shadow, unchanged ones among them, and the hashes that reconciliation compares.
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        table = run.dataset.table(table_name)
        leases.hold(cursor, run.execution, run.dataset.name, [table.name])
        before = read_settled(cursor, run_id, table_name, lock=True)
        if before and before.mode == run.mode:
            return before.model_dump(mode="json", exclude_none=True)
        require_columns(cursor, run)
        removed = Removal(cursor, run, table)
        unchanged, updated = Counter[int](), 0
        if run.mode == "swap":
            _build(cursor, run, table, removed)
        else:
            unchanged, updated = _compare(cursor, run, table, removed)
        store(cursor, table, locate(cursor, s3, run, removed.positions()))
        removed.close()
        settled = _result(cursor, run, table, removed, unchanged, updated, before)
        store_settled(cursor, run_id, table_name, settled)
    return settled.model_dump(mode="json", exclude_none=True)


def _result(
    cursor: Cursor,
    run: Run,
    table: Table,
    removed: Removal,
    unchanged: Counter[int],
    updated: int,
    before: Settled | None,
) -> Settled:
    """What was found now, with the rows that left the shadow when it was settled before."""
    rows, total = _rows(cursor, run, table)
    earlier = before.files if before else RowsByFile()
    deduplicated = removed.deduplicated + Counter(earlier.deduplicated)
    rejected = removed.rejected + Counter(earlier.rejected)
    gone = before.removed_hash_total if before else 0
    return Settled(
        mode=run.mode,
        again=before.again if before else 0,
        rows=rows.total(),
        unchanged=unchanged.total(),
        deduplicated=deduplicated.total(),
        rejected=rejected.total(),
        updated=updated,
        files=RowsByFile(rows=rows, unchanged=unchanged, deduplicated=deduplicated, rejected=rejected),
        hash_total=total,
        removed_hash_total=(gone + removed.hash_total) % 2**64,
    )


def _rows(cursor: Cursor, run: Run, table: Table) -> tuple[Counter[int], int]:
    """The shadow's rows by file, and the sum of their hashes."""
    files = file_numbers(cursor, run, table)
    if len(files) == 1:
        rows, total = shadow_count_and_hash(cursor, table, _shadow(run, table))
        return Counter({files[0]: rows}), total
    cursor.execute(
        Sql("SELECT {}, count(*), sum({}) FROM {} s GROUP BY 1").format(
            _file(Sql("s")), ddl.row_hash_sql(table, "s"), _shadow(run, table)
        )
    )
    found = cursor.fetchall()
    return Counter({file: rows for file, rows, _ in found}), sum(int(total) for *_, total in found) % 2**64


def _file(alias: Sql) -> Sql:
    """The SQL of the number of a row's file."""
    return Sql("{}.{} >> {}").format(alias, shadow.SOURCE, shadow.FILE_SHIFT)


def _build(cursor: Cursor, run: Run, table: Table, removed: Removal) -> None:
    """Turn the shadow into the table: keys, foreign keys, checks, indexes."""
    in_run = [t.name for t in run.tables]
    if table.keyed_by_row or not shadow.add_key(cursor, table, run.id):
        _remove_duplicates(run, table, removed)
        _remove_orphans(run, table, removed)
        _remove_conflicts(removed)
        if not shadow.add_key(cursor, table, run.id):
            raise RuntimeError(f"{_shadow(run, table)} has rows of one key after their removal")
    if not shadow.add_foreign_keys(cursor, table, run.id, in_run):
        _remove_orphans(run, table, removed)
        shadow.add_foreign_keys(cursor, table, run.id, in_run)
    try:
        shadow.finish(cursor, table, run.id)
    except psycopg2.errors.CheckViolation as error:
        raise no_longer_fits(run, table, f"rows contradict {error.diag.constraint_name}") from None


def _compare(cursor: Cursor, run: Run, table: Table, removed: Removal) -> tuple[Counter[int], int]:
    """Hold the shadow against a filled table.

    Returns how many of its rows the table has already, by file, and how many it has with other values, to be updated.
    """
    cursor.execute(Sql("ANALYZE {}").format(_shadow(run, table)))
    _remove_duplicates(run, table, removed)
    _remove_orphans(run, table, removed)
    if run.on_conflict == "reject":
        _remove_stored_conflicts(run, table, removed)
    _remove_conflicts(removed)
    cursor.execute(
        Sql(
            "SELECT {file}, count(*) FILTER (WHERE {same_row}), count(*)"
            " FROM {shadow} s JOIN {table} l ON {same_key} GROUP BY 1"
        ).format(
            file=_file(Sql("s")),
            same_row=same_row(table, Sql("s"), Sql("l")),
            shadow=_shadow(run, table),
            table=ddl.qualified(table),
            same_key=same_key(table, Sql("s"), Sql("l")),
        )
    )
    found = cursor.fetchall()
    return Counter({file: same for file, same, _ in found}), sum(there - same for _, same, there in found)


def _shadow(run: Run, table: Table) -> Sql:
    return ddl.qualified(table, shadow.schema_of(run.id))


def same_key(table: Table, a: Sql, b: Sql) -> Sql:
    """The SQL condition that two rows have the same key."""
    return Sql(" AND ").join(Sql("{a}.{c} = {b}.{c}").format(a=a, c=ident(c), b=b) for c in table.key)


def same_row(table: Table, a: Sql, b: Sql) -> Sql:
    """The SQL condition that two rows are identical, NULLs included."""
    names = [ident(c) for c in table.column_names]
    left, right = (Sql(", ").join(Sql("{}.{}").format(alias, n) for n in names) for alias in (a, b))
    return Sql("ROW({}) IS NOT DISTINCT FROM ROW({})").format(left, right)


def _keys(table: Table) -> Sql:
    return Sql(", ").join(map(ident, table.key))


def _remove_duplicates(run: Run, table: Table, removed: Removal) -> None:
    """Of identical rows keep the first in file order; others of one key are kept in mind for ``_remove_conflicts``."""
    twins = Sql(
        "SELECT s.ctid AS place, row_number() OVER (PARTITION BY"
        " {} ORDER BY s.{}) AS number,"
        " min(s.ctid) OVER (PARTITION BY {}) AS twin"
        " FROM {} s JOIN (SELECT {} FROM {}"
        " GROUP BY {} HAVING count(*) > 1) k ON {}"
    ).format(
        Sql(", ").join(Sql("s.") + ident(c) for c in table.column_names),
        shadow.SOURCE,
        Sql(", ").join(Sql("s.") + ident(c) for c in table.key),
        _shadow(run, table),
        _keys(table),
        _shadow(run, table),
        _keys(table),
        same_key(table, Sql("s"), Sql("k")),
    )
    if table.keyed_by_row:
        removed.delete_duplicates(twins)
    else:
        removed.keep_twins(twins)


def _remove_orphans(run: Run, table: Table, removed: Removal) -> None:
    """Rows whose parent is neither in the run nor stored; a row may lack several.

    In a table that refers to itself their children are orphans then, and so on.
    """
    generations = any(key.parent == table.name for key in table.foreign_keys)
    more = True
    while more:
        for key in table.foreign_keys:
            column = Sql("s.{}").format(ident(key.column))
            removed.mark(
                Sql("SELECT s.{}, s.ctid, {}::text FROM {} s WHERE {} IS NOT NULL AND {}").format(
                    shadow.SOURCE,
                    column,
                    _shadow(run, table),
                    column,
                    Sql(" AND ").join(_no_parent(run, key, Sql("s"))),
                ),
                key.name,
            )
        more = removed.delete_marked() and generations


def _no_parent(run: Run, key: ForeignKey, alias: Sql) -> Iterator[Sql]:
    parent = run.dataset.table(key.parent)
    inside = key.parent in {t.name for t in run.tables}
    relations = [_shadow(run, parent)] if inside else []
    if not inside or run.mode == "merge":
        relations.append(ddl.qualified(parent))
    for relation in relations:
        yield (
            Sql("NOT EXISTS (SELECT FROM {relation} p WHERE p.{parent_column} = {alias}.{column})").format(
                relation=relation,
                parent_column=ident(key.parent_column),
                alias=alias,
                column=ident(key.column),
            )
        )


def _remove_conflicts(removed: Removal) -> None:
    """Of different rows with one key keep the first in file order."""
    removed.mark_later_twins(CONFLICT)
    removed.delete_marked()


def _remove_stored_conflicts(run: Run, table: Table, removed: Removal) -> None:
    """Rows whose key is stored with other values."""
    if table.keyed_by_row:
        return
    removed.mark(
        Sql(
            "SELECT s.{source}, s.ctid, NULL FROM {shadow} s JOIN {table} l"
            " ON {same_key} WHERE NOT ({same_row})"
        ).format(
            source=shadow.SOURCE,
            shadow=_shadow(run, table),
            table=ddl.qualified(table),
            same_key=same_key(table, Sql("s"), Sql("l")),
            same_row=same_row(table, Sql("s"), Sql("l")),
        ),
        STORED_CONFLICT,
    )
    removed.delete_marked()
