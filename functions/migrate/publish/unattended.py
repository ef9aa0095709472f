"""Publish a run whose merge may take longer than a function: PostgreSQL completes it, and the step waits.

One transaction merges the rows, stores the facts of quality and marks the run as published. The remaining work concerns
only the run, and is repeated if the function ends before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.identity import advance_statement
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.sql import Sql, from_catalog, literal
from dataforge.postgres.unwritten import count_unwritten
from dataforge.runs.step_names import MigrationStep
from dataforge.runs.unattended.script import Script
from dataforge.runs.unattended.stored_errors import NumberDiffers
from dataforge.runs.unattended.work import Unattended, Work, complete, forget, forget_failed, is_known
from functions.migrate.publish.merge import changed, in_order, read_all_resolved, translated_refusals
from functions.migrate.publish.merge_statements import (
    INSERT,
    changes,
    count_stored,
    insert_statement,
    update_statement,
)
from functions.migrate.publish.quality_facts import facts_statement
from functions.migrate.run.known.proof import no_longer_known
from functions.migrate.run.migration import KNOWN, MERGE, Run
from functions.migrate.run.whole_tables import MEMORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataforge.postgres.types import Connection, Cursor
    from dataforge.tables.catalogue import Table
    from functions.migrate.run.ledger import Resolved


_PUBLISHED = Sql(
    "UPDATE dataforge.migrations SET status = 'published', finished_at = clock_timestamp() WHERE migration_id = {}"
)


LOCK_MS = 3_600_000
"""Time-out for each lock, in milliseconds. A merge may have taken hours when it waits for a row of another transaction.
Readers and writers of other rows do not queue behind its requests."""


def merges_unattended(cursor: Cursor, run: Run, how: Unattended) -> bool:
    """Whether PostgreSQL is to merge the rows of the run unattended, or has begun to."""
    if run.mode != MERGE:
        return False
    if is_known(cursor, how, _work(run)):
        return True
    relations = (*map(run.shadow, run.tables), *map(ddl.qualified, run.tables))
    return run.status != "published" and how.suits(cursor, *relations)


def merge_unattended(db: Connection, how: Unattended, run: Run, execution: str) -> None:
    """Merge the rows and mark the run as published. Raises ``WorkContinues``, and what ``merge`` raises."""
    with transaction(db, role=MIGRATION_RUN) as cursor:
        tables = in_order(run)
        resolved = read_all_resolved(cursor, run, tables)
        script = _script(cursor, run, execution, tables, resolved)
    try:
        with translated_refusals(tables, resolved):
            complete(db, how, execution, _work(run), lambda: script)
    except NumberDiffers as error:
        found = resolved[error.name]
        if found.mode == KNOWN:
            raise no_longer_known([error.name]) from None
        raise changed(run.dataset.table(error.name), found, error.expected - error.found) from None


def _work(run: Run) -> Work:
    return Work(run.id, MigrationStep.PUBLISH)


def _script(
    cursor: Cursor,
    run: Run,
    execution: str,
    tables: list[Table],
    resolved: Mapping[str, Resolved],
) -> Script:
    """The statements of ``merge``. That every row is stored with its values is always counted, or proven if it is known."""
    script = Script()
    script.hold(execution, run.dataset.name, [table.name for table in tables])
    script.execute(Sql("SET LOCAL lock_timeout = {}").format(LOCK_MS))
    script.execute(MEMORY)
    if any(key.deferrable for table in tables for key in table.foreign_keys):
        script.execute(Sql("SET CONSTRAINTS ALL DEFERRED"))
    for table in tables:
        if resolved[table.name].mode == KNOWN:
            script.require(*_stored(run, table, resolved[table.name]), table.name)
    for change, table in changes(tables, resolved):
        found = resolved[table.name]
        if change == INSERT:
            if found.new:
                script.change(insert_statement(run, table), found.new, table.name)
        else:
            script.change(update_statement(run, table), found.updated, table.name)
    for table in tables:
        script.require(*_stored(run, table, resolved[table.name]), table.name)
        if advance := advance_statement(table):
            script.execute(advance)
    script.execute(Sql("SET CONSTRAINTS ALL IMMEDIATE"))
    if facts := facts_statement(cursor, run):
        script.execute(from_catalog(cursor.mogrify(*facts).decode()))
    script.execute(_PUBLISHED.format(literal(run.id)))
    return script


def _stored(run: Run, table: Table, found: Resolved) -> tuple[Sql, int]:
    """A query, and the number that it must give if the table has the run's rows."""
    if found.mode == KNOWN and found.state:
        return count_unwritten(table, found.state), found.state.rows
    return count_stored(run, table), found.rows


def forget_merge(cursor: Cursor, how: Unattended, run: Run) -> None:
    """Delete the record of the merge of a run that is closed."""
    forget(cursor, how, *_work(run)[:2])


def forget_failed_merge(cursor: Cursor, how: Unattended, run: Run) -> None:
    """Delete the record of the merge, unless it has published the run or may yet do so."""
    forget_failed(cursor, how, _work(run))
