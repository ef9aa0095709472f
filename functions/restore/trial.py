"""Find in a dry run what the constraints of owners would refuse, on a copy of each table that the catalogue does not match.

The copy has the checks, and the unique and exclusion constraints of the table. Foreign keys would lock other tables and are
checked by queries (``trial_references``); triggers and rules need a copy of all rows (``trial_code``). The table itself is
only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.errors import TargetRejectsRows
from dataforge.postgres import ddl
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.owner_rules import refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.runs.results.restore import Figures
from dataforge.runs.unattended.script import Script
from dataforge.runs.unattended.trial import error_of
from dataforge.tables.catalogue import Table
from dataforge.tables.names import internal_name
from functions.restore.difference import create_difference, difference
from functions.restore.run import Run
from functions.restore.trial_code import has_code, try_changes

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_OWNERS_UNIQUES = """
    SELECT EXISTS (SELECT FROM pg_index JOIN pg_class c ON c.oid = indexrelid
        WHERE indrelid = %s::regclass AND (indisunique OR indisexclusion) AND c.relname <> ALL (%s))
"""
_CHECKS = "SELECT conname::text FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'"


def try_rows(cursor: Cursor, run: Run, figures: dict[str, Figures]) -> None:
    """Insert the rows of the backup into copies. Raises ``TargetRejectsRows`` with the name of the constraint."""
    for table in run.tables:
        counts = figures[table.name]
        if counts.differing and has_code(cursor, table):
            try_changes(cursor, run, table)
        elif (counts.added or counts.changed) and not is_pristine(cursor, run.dataset, table):
            _try_table(cursor, run, table)


def _try_table(cursor: Cursor, run: Run, table: Table) -> None:
    script = Script()
    script.execute(create_difference(run, table))
    for statement in _fill_copy(cursor, run, table):
        script.execute(statement)
    error = error_of(cursor, script)
    if error is None:
        return
    if refusal(error) is None:
        raise error
    name = f"{table.dataset}.{table.name}"
    reason = describe(error).replace(f"{run.schema}.{_copy_name(table)}", name)
    raise TargetRejectsRows(f"{reason}. Nothing was restored.")


def _fill_copy(cursor: Cursor, run: Run, table: Table) -> Iterator[Sql]:
    """Rows that the restore changes are checked; unchanged rows may violate a check that was added as NOT VALID."""
    copy, live, changes = _copy(run, table), ddl.qualified(table), difference(run, table)
    columns = ddl.columns_sql(table)
    insert = Sql("INSERT INTO {} ({}) SELECT {} FROM ").format(copy, columns, columns)
    yield Sql("CREATE UNLOGGED TABLE {} (LIKE {} INCLUDING ALL)").format(copy, live)
    yield insert + Sql("{} WHERE ctid IN (SELECT source FROM {})").format(run.shadow(table), changes)
    cursor.execute(_OWNERS_UNIQUES, (live, [name for name, _ in ddl.keys(table)]))
    if not one_row(cursor)[0]:
        return
    cursor.execute(_CHECKS, (live,))
    for (name,) in cursor.fetchall():
        yield Sql("ALTER TABLE {} DROP CONSTRAINT {}").format(copy, ident(name))
    unchanged = Sql("{} r WHERE NOT EXISTS (SELECT FROM {} d WHERE d.place = r.ctid)").format(live, changes)
    yield insert + unchanged


def _copy(run: Run, table: Table) -> Sql:
    return Sql("{}.{}").format(ident(run.schema), ident(_copy_name(table)))


def _copy_name(table: Table) -> str:
    return internal_name("trial", table.name)
