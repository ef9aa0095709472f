"""Replace or change tables whose restore may take longer than a function: PostgreSQL completes it, and the step waits.

One transaction does what ``swap._change`` does. Decisions that depend on the catalogue are taken before, and what they
depend on must be the same under the locks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.errors import Busy, TargetRejectsRows, WouldOrphan
from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.identity import advance_statement
from dataforge.postgres.matches_catalogue import is_pristine, state_of_objects
from dataforge.postgres.owner_rules import is_taken
from dataforge.postgres.roles import REFILL, RESTORE_RUN
from dataforge.postgres.row_identifiers import hold_file
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.runs.step_names import RestoreStep
from dataforge.runs.unattended.script import Script, fact
from dataforge.runs.unattended.stored_errors import NumberDiffers, ScriptRefused
from dataforge.runs.unattended.work import Unattended, Work, complete, forget, forget_failed, is_known
from dataforge.tables.catalogue import Table
from functions.restore.comparison import holds, recorded_comparison
from functions.restore.difference import count_created, count_joined, create_difference, rows_of
from functions.restore.locks import (
    READERS_MS,
    WRITERS_MS,
    held_by_others,
    lock_statement,
    related,
    restored,
    time_limit,
)
from functions.restore.merge import changes, differs, only_some_changed
from functions.restore.references import children, deletes_unseen, orphaned, parents, without_parent
from functions.restore.replaced import (
    can_revert,
    copy_replaced_rows,
    copy_table,
    drop_constraints,
    has_same_columns,
    move_shadow,
    revert_rows,
)
from functions.restore.run import MERGE, SWAP, UNFINISHED, Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor
    from functions.restore.references import Child


MERGE_SUSPENDED = "merge without unique constraints"
_KINDS = (SWAP, MERGE, MERGE_SUSPENDED)

_COUNTS = ("added", "removed", "changed")
"""The numbers of rows that differ, as ``count_joined`` and ``count_created`` name them."""
_REVERTS = "reverts"

_OBJECTS, _AFTER = "definitions of the tables", "rows that differ afterwards of "
"""Names of expected numbers; others are names of tables, or of foreign keys that delete rows."""

_CHECK_DEFERRED = Sql("""
    DECLARE names text;
    BEGIN
        SELECT string_agg(format('%I.%I', nspname, conname), ', ') INTO names
        FROM pg_constraint JOIN pg_namespace n ON n.oid = connamespace
        WHERE conrelid = ANY (ARRAY[{}]::regclass[]) AND condeferrable;
        IF names IS NOT NULL THEN EXECUTE 'SET CONSTRAINTS ' || names || ' IMMEDIATE'; END IF;
    END
""")

_REFERENCES = Sql("""
    SELECT hashtextextended(coalesce(string_agg(oid::text, ',' ORDER BY oid), ''), 0) FROM pg_constraint
    WHERE contype = 'f' AND confrelid = ANY (ARRAY[{}]::regclass[])
""")


def changes_unattended(cursor: Cursor, run: Run, how: Unattended) -> bool:
    """Whether PostgreSQL is to change the tables of the run unattended, or has begun to."""
    if _begun(cursor, run, how):
        return True
    return run.status != UNFINISHED and how.suits(
        cursor, *map(run.shadow, run.tables), *map(ddl.qualified, run.tables)
    )


def change_unattended(db: Connection, how: Unattended, run: Run, execution: str, *, may_swap: bool) -> None:
    """Change the tables, and mark the run as ``UNFINISHED``.

    Raises ``WorkContinues``, and what ``swap`` raises.
    """
    with transaction(db, role=RESTORE_RUN) as cursor:
        kind = _begun(cursor, run, how) or (SWAP if may_swap and _all_pristine(cursor, run) else MERGE)
    try:
        try:
            _change(db, how, run, execution, kind, may_swap=may_swap)
        except _MustMerge:
            forget_failed_change(db, how, run)
            kind = MERGE
            _change(db, how, run, execution, kind)
    except psycopg2.errors.UniqueViolation as error:
        if kind != MERGE or not any(is_taken(table, error) for table in run.tables):
            raise
        forget_failed_change(db, how, run)
        _change(db, how, run, execution, MERGE_SUSPENDED)


def forget_change(cursor: Cursor, how: Unattended, run: Run) -> None:
    """Delete the record of the work, of which the result was used."""
    for kind in _KINDS:
        forget(cursor, how, *_work(run, kind)[:2])


def forget_failed_change(db: Connection, how: Unattended, run: Run) -> None:
    """Delete the record of the work, unless it has changed the tables or may yet do so."""
    with transaction(db, role=RESTORE_RUN) as cursor:
        for kind in _KINDS:
            forget_failed(cursor, how, _work(run, kind))


def _work(run: Run, kind: str) -> Work:
    return Work(run.id, f"{RestoreStep.SWAP} by {kind}")


def _begun(cursor: Cursor, run: Run, how: Unattended) -> str:
    """The kind of work that was begun; "" if none was."""
    return next((kind for kind in _KINDS if is_known(cursor, how, _work(run, kind))), "")


def _all_pristine(cursor: Cursor, run: Run) -> bool:
    return all(is_pristine(cursor, run.dataset, table) for table in run.tables)


class _MustMerge(Exception):
    """The tables can no longer be swapped."""


def _change(
    db: Connection,
    how: Unattended,
    run: Run,
    execution: str,
    kind: str,
    *,
    may_swap: bool = False,
) -> None:
    """Complete the work. Raises ``_MustMerge`` if its backend ended, and what it would swap can only be merged now."""

    def script() -> Script:
        with transaction(db, role=RESTORE_RUN) as cursor:
            found = _script(cursor, run, execution, kind, children(cursor, run))
            # After the script has recorded their definitions, which must be the same when it is executed.
            if kind == SWAP and not (may_swap and _all_pristine(cursor, run)):
                raise _MustMerge
            return found

    try:
        complete(db, how, execution, _work(run, kind), script)
    except NumberDiffers as error:
        with transaction(db, role=RESTORE_RUN) as cursor:
            others = children(cursor, run)
        raise _translated(run, others, error) from None
    except ScriptRefused as error:
        raise WouldOrphan(error.text.splitlines()) from None
    except psycopg2.errors.LockNotAvailable:
        raise held_by_others("the tables") from None


def _translated(run: Run, others: list[Child], error: NumberDiffers) -> Busy | TargetRejectsRows:
    if error.name == _OBJECTS:
        return Busy("The definitions of the tables were changed. Nothing was restored yet.")
    if unseen := next((child for child in others if child.name == error.name), None):
        return deletes_unseen(unseen)
    if error.name.startswith(_AFTER):
        return differs(run.dataset.table(error.name.removeprefix(_AFTER)), f"Rows: {error.found}.")
    return only_some_changed(run.dataset.table(error.name), error.found, error.expected)


def _script(cursor: Cursor, run: Run, execution: str, kind: str, others: list[Child]) -> Script:
    script = Script()
    script.hold(execution, run.dataset.name, [table.name for table in run.tables])
    tables, relatives = restored(run), related(run, others, swap=kind == SWAP)
    _lock(script, tables, Sql("SHARE ROW EXCLUSIVE"), WRITERS_MS)
    if relatives:
        _lock(script, relatives, Sql("SHARE ROW EXCLUSIVE"), WRITERS_MS)
    _require_same(cursor, script, _REFERENCES.format(Sql(", ").join(map(literal, sorted(tables)))))
    for table in run.tables:
        _compare(cursor, script, run, table, kind)
    _refuse_orphans(script, run, others, kind)
    script.execute(Sql("SELECT dataforge_steps.create_shadows({})").format(literal(run.replaced_schema)))
    if kind == SWAP:
        _lock(script, tables | relatives, Sql("ACCESS EXCLUSIVE"), READERS_MS)
        for table in run.tables:
            _require_same(cursor, script, state_of_objects(table))
        script.execute(_swap(run))
    else:
        _merge(cursor, script, run, suspended=kind == MERGE_SUSPENDED)
    for table in run.tables:
        script.execute(_record_figures(run, table))
    script.execute(Sql("SELECT dataforge_steps.drop_shadows({})").format(literal(run.schema)))
    script.execute(
        Sql(
            "UPDATE dataforge.restores SET status = {}, switched_at = clock_timestamp() WHERE restore_id = {}"
        ).format(literal(UNFINISHED), literal(run.id))
    )
    return script


def _lock(script: Script, relations: Iterable[Sql], mode: Sql, milliseconds: int) -> None:
    script.execute(time_limit(milliseconds))
    script.execute(lock_statement(relations, mode))


def _require_same(cursor: Cursor, script: Script, query: Sql) -> None:
    """Require that the query gives the same number in the script as now."""
    cursor.execute(query)
    script.require(query, int(one_row(cursor)[0]), _OBJECTS)


def _compare(cursor: Cursor, script: Script, run: Run, table: Table, kind: str) -> None:
    """Store the numbers of rows that differ as facts: those of the earlier comparison, if it holds."""
    merges = kind != SWAP
    counted, as_recorded = Script(), Script()
    if merges:
        counted.execute(create_difference(run, table))
        counted.store(_facts(run, table, count_created(run, table)))
    else:
        counted.store(_facts(run, table, count_joined(run, table, rows_of(cursor, run, table))))
    recorded = recorded_comparison(cursor, run, table, rows=merges)
    if recorded is None:
        script.extend(counted)
        return
    numbers = (Sql("{} AS {}").format(getattr(recorded, word), ident(word)) for word in _COUNTS)
    as_recorded.store(_facts(run, table, Sql("SELECT {}").format(Sql(", ").join(numbers))))
    script.execute(hold_file(run.shadow(table)))
    script.choose(holds(run, table, recorded, rows=merges), as_recorded, counted)


def _facts(run: Run, table: Table, counts: Sql) -> Sql:
    """The query ``counts`` with the names of facts."""
    names = Sql(", ").join(
        Sql("{} AS {}").format(ident(word), ident(_name(run, word, table))) for word in _COUNTS
    )
    return Sql("SELECT {} FROM ({}) counts").format(names, counts)


def _name(run: Run, word: str, table: Table) -> str:
    """The name of a fact: it is the name of a column, of at most 63 bytes."""
    return f"{word} {run.tables.index(table)}"


def _refuse_orphans(script: Script, run: Run, others: list[Child], kind: str) -> None:
    findings = []
    for child in others:
        losing = Sql("{} + {}").format(
            *(fact(_name(run, word, child.parent)) for word in ("removed", "changed"))
        )
        if child.deletes_unseen:
            script.require(Sql("SELECT {}").format(losing), 0, child.name)
        elif child.readable:
            findings.append(
                Sql("SELECT text FROM ({}) found WHERE {} > 0").format(orphaned(run, child), losing)
            )
    if kind == SWAP:
        findings += [
            without_parent(run, table, key, ddl.qualified(run.dataset.table(key.parent)))
            for table, key in parents(run)
        ]
    if findings:
        lines = Sql(" UNION ALL ").join(findings)
        script.refuse(Sql("SELECT string_agg(text, E'\\n') FROM ({}) findings").format(lines))


def _swap(run: Run) -> Sql:
    names = Sql(", ").join(literal(table.name) for table in run.tables)
    return Sql("SELECT dataforge_steps.swap({}, ARRAY[{}], {}, {})").format(
        literal(run.dataset.name), names, literal(run.schema), literal(run.replaced_schema)
    )


def _merge(cursor: Cursor, script: Script, run: Run, *, suspended: bool) -> None:
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
        script.change_counted(statement, _name(run, word, table), table.name)
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
        script.choose(_reverts(run, table), reverted, _equal(run, table))
        script.execute(Sql("GRANT SELECT ON {} TO {}").format(run.replaced(table), REFILL))


def _may_revert(cursor: Cursor, run: Run, table: Table) -> Sql:
    """The query of a fact: 1 if the shadow becomes the replaced table (``can_revert``, under the locks), else 0."""
    state, same = state_of_objects(table), Sql("false")
    cursor.execute(state)
    found = int(one_row(cursor)[0])
    if can_revert(cursor, run, table):
        same = Sql("({}) = {} AND ({})").format(state, found, has_same_columns(run, table))
    return Sql("SELECT ({})::int AS {}").format(same, ident(_name(run, _REVERTS, table)))


def _reverts(run: Run, table: Table) -> Sql:
    return Sql("SELECT {} = 1").format(fact(_name(run, _REVERTS, table)))


def _only(*statements: Sql) -> Script:
    script = Script()
    for statement in statements:
        script.execute(statement)
    return script


def _equal(run: Run, table: Table) -> Script:
    """The comparison after the changes, which must find no difference."""
    script = _only(create_difference(run, table))
    counts = Sql("SELECT added + removed + changed FROM ({}) counts").format(count_created(run, table))
    script.require(counts, 0, _AFTER + table.name)
    return script


def _record_figures(run: Run, table: Table) -> Sql:
    words = Sql(", ").join(
        Sql("{}, {}").format(literal(word), fact(_name(run, word, table))) for word in _COUNTS
    )
    return Sql(
        "UPDATE dataforge.restore_tables SET figures = jsonb_build_object('restored', rows, {})"
        ' WHERE restore_id = {} AND "table" = {}'
    ).format(words, literal(run.id), literal(table.name))
