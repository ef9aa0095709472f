"""Settling a table: that its shadow is what the manifest says, and what it would change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.errors import DamagedBackup
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import OWNER
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.records.validate import content_hash
from dataforge.runs import leases
from dataforge.tables.catalogue import Table
from functions.restore.difference import count_difference, is_empty
from functions.restore.ledger import Figures, LoadedFile
from functions.restore.run import Run, narrowed, read_run
from functions.restore.work_items import LOAD, results

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


def settle(db: Connection, run_id: str, table_name: str) -> dict[str, int]:
    """Compare the shadow's rows and content hash with the manifest's, then the shadow with the table.

    Returns the figures of the difference, which it also notes in the ledger. Repeating it is harmless.
    Raises ``DamagedBackup``.
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        table = run.dataset.table(table_name)
        leases.hold(cursor, run.execution, run.dataset.name, [table.name])
        _verify(cursor, run, table)
        if not is_empty(cursor, table):
            # For the joins; a shadow that is built up is analysed again.
            cursor.execute(Sql("ANALYZE {}").format(run.shadow(table)))
        figures = count_difference(cursor, run, table)
        note_figures(cursor, run, table, figures)
    return figures


def _verify(cursor: Cursor, run: Run, table: Table) -> None:
    cursor.execute(
        'SELECT columns, rows, content_hash FROM dataforge.restore_tables WHERE restore_id = %s AND "table" = %s',
        (run.id, table.name),
    )
    columns, rows, expected = one_row(cursor)
    missing = results(cursor, run.id, LOAD, table.name, LoadedFile).count(None)
    if missing:
        raise DamagedBackup(run.backup_id, [f"{missing} file(s) of {table.name} were not loaded"])
    row_hash = ddl.row_hash_sql(narrowed(table, columns))
    cursor.execute(Sql("SELECT count(*), coalesce(sum({}), 0) FROM {}").format(row_hash, run.shadow(table)))
    count, total = one_row(cursor)
    found = content_hash(int(total))
    if (count, found) != (rows, expected):
        what = f"{table.name} has {count} rows with the content hash {found}, not {rows} with {expected}"
        raise DamagedBackup(run.backup_id, [what])


def note_figures(cursor: Cursor, run: Run, table: Table, figures: dict[str, int]) -> None:
    """Enter into the ledger what the restore changes, or has changed, in the table."""
    cursor.execute(
        'UPDATE dataforge.restore_tables SET figures = %s WHERE restore_id = %s AND "table" = %s',
        (Figures.model_validate(figures).model_dump_json(), run.id, table.name),
    )
