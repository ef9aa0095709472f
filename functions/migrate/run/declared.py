"""Compare a run's shadows with the declaration, which a deployment may change before the run publishes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.errors import TableChanged
from dataforge.postgres import ddl, shadow
from dataforge.postgres.visible_rows import column_differences
from dataforge.tables.catalogue import Table
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SHAPE = """
    SELECT name, replace(replace(text, quote_ident(%(shadow)s) || '.', ''), quote_ident(%(dataset)s) || '.', '') FROM (
        SELECT attname, concat_ws(' ', format_type(atttypid, atttypmod), attcollation, attnotnull) FROM pg_attribute
        WHERE attrelid = %(relation)s::regclass AND attnum > 0 AND NOT attisdropped AND attname <> %(source)s
        UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = %(relation)s::regclass AND contype <> 'n'
        UNION ALL SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indexrelid
        WHERE indrelid = %(relation)s::regclass) shape(name, text)
"""


def require_columns(cursor: Cursor, run_id: str, tables: Iterable[Table]) -> None:
    """Raise ``TableChanged`` if a shadow has other columns than are declared now."""
    for table in tables:
        if differences := column_differences(cursor, ddl.qualified(table, shadow.schema_of(run_id)), table):
            raise no_longer_fits(run_id, table, *differences)


def no_longer_fits(run_id: str, table: Table, *differences: str) -> TableChanged:
    """The error for a shadow that cannot become the table that is declared now."""
    return TableChanged(
        f"{table.dataset}.{table.name} as loaded by migration {run_id}",
        differences,
        "The declaration was changed after the migration began. Start a new migration.",
    )


def are_alike(cursor: Cursor, run: Run) -> bool:
    """Whether each shadow has every column, constraint and index of its table, and none that is not declared."""
    return all(_is_alike(cursor, run, table) for table in run.tables)


def _is_alike(cursor: Cursor, run: Run, table: Table) -> bool:
    live, built = (_shape(cursor, run, table, schema) for schema in (table.dataset, run.schema))
    declared = {
        *table.column_names,
        *(name for name, _ in (*ddl.constraints(table), *ddl.index_statements(table))),
    }
    return live <= built and {name for name, _ in built} <= declared


def _shape(cursor: Cursor, run: Run, table: Table, schema: str) -> set[tuple[str, str]]:
    names = {"shadow": run.schema, "dataset": table.dataset, "source": shadow.SOURCE}
    cursor.execute(_SHAPE, names | {"relation": ddl.qualified(table, schema)})
    return set(cursor.fetchall())
