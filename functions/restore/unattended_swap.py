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
from dataforge.postgres.matches_catalogue import is_pristine, state_of_objects
from dataforge.postgres.owner_rules import is_taken
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, literal
from dataforge.runs.step_names import RestoreStep
from dataforge.runs.unattended.script import Script, fact
from dataforge.runs.unattended.stored_errors import NumberDiffers, ScriptRefused
from dataforge.runs.unattended.work import Unattended, Work, complete, forget, forget_failed, is_known
from functions.restore.locks import (
    READERS_MS,
    WRITERS_MS,
    held_by_others,
    lock_statement,
    related,
    restored,
    time_limit,
)
from functions.restore.merge import differs, only_some_changed
from functions.restore.references import children, deletes_unseen, orphaned, parents, without_parent
from functions.restore.run import MERGE, SWAP, UNFINISHED, Run
from functions.restore.unattended_comparison import AFTER, compare, fact_name, record_figures
from functions.restore.unattended_merge import merge

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor
    from functions.restore.references import Child


MERGE_SUSPENDED = "merge without unique constraints"
_KINDS = (SWAP, MERGE, MERGE_SUSPENDED)

_OBJECTS = "definitions of the tables"
"""The name of an expected number; others are ``AFTER``, names of tables, or of foreign keys that delete rows."""

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
    if error.name.startswith(AFTER):
        return differs(run.dataset.table(error.name.removeprefix(AFTER)), f"Rows: {error.found}.")
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
        compare(cursor, script, run, table, merges=kind != SWAP)
    _refuse_orphans(script, run, others, kind)
    script.execute(Sql("SELECT dataforge_steps.create_shadows({})").format(literal(run.replaced_schema)))
    if kind == SWAP:
        _lock(script, tables | relatives, Sql("ACCESS EXCLUSIVE"), READERS_MS)
        for table in run.tables:
            _require_same(cursor, script, state_of_objects(table))
        script.execute(_swap(run))
    else:
        merge(cursor, script, run, suspended=kind == MERGE_SUSPENDED)
    for table in run.tables:
        script.execute(record_figures(run, table))
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


def _refuse_orphans(script: Script, run: Run, others: list[Child], kind: str) -> None:
    findings = []
    for child in others:
        losing = Sql("{} + {}").format(
            *(fact(fact_name(run, word, child.parent)) for word in ("removed", "changed"))
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
