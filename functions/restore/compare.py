"""Compare the shadows with the manifest and with the tables, and choose how the tables are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.errors import DamagedBackup
from dataforge.postgres import ddl
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.open_transactions import OPEN
from dataforge.postgres.row_hash import row_hash_of
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql
from dataforge.postgres.visible_rows import may_share_keys
from dataforge.records.validate import content_hash
from dataforge.runs.results.restore import CHANGES, Figures
from dataforge.runs.step_names import RestoreStep
from dataforge.runs.unattended.work import Unattended
from dataforge.settings import RestoreSettings
from dataforge.tables.catalogue import Table
from functions.restore.comparison import compare_once
from functions.restore.difference import (
    SWAP_SHARE,
    read_figures,
    record_figures,
    tables_losing_values,
)
from functions.restore.references import check_children, check_parents
from functions.restore.run import MERGE, SWAP, Run, narrowed
from functions.restore.step_cursor import step_cursor
from functions.restore.stored import convert, is_converted, read_fit
from functions.restore.trial import try_rows
from functions.restore.trial_references import check_own_references
from functions.restore.work_items import LoadedFile, results

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_CHOOSE = Sql("UPDATE dataforge.restores SET mode = %s, readers = {} WHERE restore_id = %s").format(OPEN)


def check_restored(
    db: Connection, run_id: str, table_name: str, how: Unattended | None = None
) -> dict[str, int]:
    """Compare the shadow with the manifest, by row count and content hash, then with the table.

    Returns the ``Figures``, which are also recorded in the ledger. Idempotent. Raises ``DamagedBackup``, ``WorkContinues``,
    and ``SchemaDiffers`` for values that columns of the present table cannot hold.
    """
    with step_cursor(db, how, run_id, RestoreStep.CHECK_RESTORED, table_name) as (cursor, run):
        table = run.dataset.table(table_name)
        _check_content(cursor, run, table)
        comparison = compare_once(cursor, run, table)
        record_figures(cursor, run, table, comparison)
    return comparison.model_dump(include=set(CHANGES))


def _check_content(cursor: Cursor, run: Run, table: Table) -> None:
    """Compare the loaded rows with the manifest, over the backup's own columns, and convert them if these differ."""
    cursor.execute(
        'SELECT columns, stored, rows, content_hash FROM dataforge.restore_tables WHERE restore_id = %s AND "table" = %s',
        (run.id, table.name),
    )
    columns, stored, rows, expected = one_row(cursor)
    missing = results(cursor, run.id, RestoreStep.LOAD, table.name, LoadedFile).count(None)
    if missing:
        raise DamagedBackup(run.backup_id, [f"{missing} file(s) of {table.name} were not loaded"])
    fit = None if stored is None else read_fit(table, stored)
    if fit and is_converted(cursor, run, fit):
        return
    loaded = fit.stored if fit else narrowed(table, columns)
    row_hash, relation = row_hash_of(cursor, loaded), ddl.qualified(loaded, run.schema)
    cursor.execute(Sql("SELECT count(*), coalesce(sum({}), 0) FROM {}").format(row_hash, relation))
    count, total = one_row(cursor)
    found = content_hash(int(total))
    if (count, found) != (rows, expected):
        what = f"{table.name} has {count} rows with the content hash {found}, not {rows} with {expected}"
        raise DamagedBackup(run.backup_id, [what])
    if fit:
        convert(cursor, run, fit)


def compare(
    db: Connection, settings: RestoreSettings, run_id: str, how: Unattended | None = None
) -> dict[str, str]:
    """Check the foreign keys, and choose whether the tables are swapped or merged.

    Open transactions may use a snapshot from before the rows were loaded; they are recorded for ``swap``.
    Returns {"next": "finish", "build" or "switch"}. Idempotent. Raises ``WouldOrphan``, ``TargetRejectsRows``,
    ``WorkContinues``.
    """
    with step_cursor(db, how, run_id, RestoreStep.COMPARE) as (cursor, run):
        figures = read_figures(cursor, run)
        check_children(cursor, run, tables_losing_values(figures))
        check_parents(cursor, run, within=run.dry_run)
        if run.dry_run:
            check_own_references(cursor, run)
            try_rows(cursor, run, figures)
            return {"next": RestoreStep.FINISH}
        mode = _mode(cursor, settings, run, figures)
        cursor.execute(_CHOOSE, (mode, run_id))
    return {"next": RestoreStep.BUILD if mode == SWAP else RestoreStep.SWAP}


def _mode(cursor: Cursor, settings: RestoreSettings, run: Run, figures: dict[str, Figures]) -> str:
    """Merge, unless many rows differ, or some have the same key, and every table matches the catalogue.

    One mode for all tables, because foreign keys connect them.
    """
    rows = sum(counts.restored for counts in figures.values())
    few = sum(counts.differing for counts in figures.values()) < max(settings.swap_rows, rows // SWAP_SHARE)
    if few and not any(may_share_keys(cursor, table) for table in run.tables):
        return MERGE
    return SWAP if all(is_pristine(cursor, run.dataset, table) for table in run.tables) else MERGE
