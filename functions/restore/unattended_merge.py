"""Change tables row by row, and preserve the replaced rows, in work that PostgreSQL completes alone, as ``merge`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.identity import advance_statement
from dataforge.postgres.matches_catalogue import state_of_objects
from dataforge.postgres.roles import REFILL
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.runs.unattended.script import Script, fact
from dataforge.tables.catalogue import Table
from functions.restore.merge import changes
from functions.restore.replaced import (
    can_revert,
    copy_replaced_rows,
    copy_table,
    drop_constraints,
    has_same_columns,
    move_shadow,
    revert_rows,
)
from functions.restore.run import Run
from functions.restore.unattended_comparison import fact_name, require_equal

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_REVERTS = "reverts"
"""A fact: 1 if the shadow becomes the replaced table, 0 if the table is copied."""

_CHECK_DEFERRED = Sql("""
    DECLARE names text;
    BEGIN
        SELECT string_agg(format('%I.%I', nspname, conname), ', ') INTO names
        FROM pg_constraint JOIN pg_namespace n ON n.oid = connamespace
        WHERE conrelid = ANY (ARRAY[{}]::regclass[]) AND condeferrable;
        IF names IS NOT NULL THEN EXECUTE 'SET CONSTRAINTS ' || names || ' IMMEDIATE'; END IF;
    END
""")


def merge(cursor: Cursor, script: Script, run: Run, *, suspended: bool) -> None:
    """Add the statements. The facts have the numbers of rows that differ, and the relation ``difference`` has the rows.

    ``suspended``: without unique constraints meanwhile, because rows swap their values.
    """
    for table in run.tables:
        script.store(_may_revert(cursor, run, table))
        script.choose(
            _reverts(run, table), _only(copy_replaced_rows(run, table)), _only(copy_table(run, table))
        )
    if suspended:
        names = Sql(", ").join(literal(table.name) for table in run.tables)
        script.execute(
            Sql("SELECT dataforge_steps.suspend_unique({}, ARRAY[{}])").format(
                literal(run.dataset.name), names
            )
        )
    circular = any(table.circular_keys for table in run.tables)
    if circular:
        script.execute(Sql("SET CONSTRAINTS ALL DEFERRED"))
    for word, table, statement in changes(run):
        script.change_counted(statement, fact_name(run, word, table), table.name)
    if circular:
        # Their names are read then: suspended ones cannot be set.
        relations = Sql(", ").join(literal(ddl.qualified(table)) for table in run.tables)
        script.execute(Sql("DO {}").format(literal(_CHECK_DEFERRED.format(relations))))
    if suspended:
        script.execute(Sql("SELECT dataforge_steps.resume_unique()"))
    for statement in drop_constraints(cursor, run):
        script.execute(statement)
    for table in run.tables:
        if advance := advance_statement(table):
            script.execute(advance)
        reverted = _only(revert_rows(run, table), move_shadow(run, table))
        script.choose(_reverts(run, table), reverted, require_equal(run, table))
        script.execute(Sql("GRANT SELECT ON {} TO {}").format(run.replaced(table), REFILL))


def _may_revert(cursor: Cursor, run: Run, table: Table) -> Sql:
    """The query of ``_REVERTS``, under the locks: what ``can_revert`` examines now must be the same then."""
    state, same = state_of_objects(table), Sql("false")
    # Before ``can_revert``: a later change makes another number.
    cursor.execute(state)
    found = int(one_row(cursor)[0])
    if can_revert(cursor, run, table):
        same = Sql("({}) = {} AND ({})").format(state, found, has_same_columns(run, table))
    return Sql("SELECT ({})::int AS {}").format(same, ident(fact_name(run, _REVERTS, table)))


def _reverts(run: Run, table: Table) -> Sql:
    return Sql("SELECT {} = 1").format(fact(fact_name(run, _REVERTS, table)))


def _only(*statements: Sql) -> Script:
    script = Script()
    for statement in statements:
        script.execute(statement)
    return script
