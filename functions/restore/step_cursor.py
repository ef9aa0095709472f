"""The cursor of a step that works on shadows, which are not visible to others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.postgres.sql import Sql, ident
from dataforge.runs import leases
from dataforge.runs.unattended.cursor import unattended_cursor
from dataforge.runs.unattended.script import Script
from dataforge.runs.unattended.work import Unattended, Work, is_known
from dataforge.tables.catalogue import Table
from dataforge.tables.names import internal_name
from functions.restore.run import Run, read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


@contextmanager
def step_cursor(
    db: Connection,
    how: Unattended | None,
    run_id: str,
    step: str,
    table: str = "",
    others: Iterable[Table] = (),
) -> Iterator[tuple[Cursor, Run]]:
    """A cursor for a step on a table, or on all tables of the run, and the run, which has their leases.

    ``others``: further tables that the step reads.

    It is in one transaction. If that may take longer than a function, each statement is committed instead
    (``dataforge.runs.unattended.cursor``), and then the step may raise ``WorkContinues``. A step that has begun so
    continues so if its tables become small.
    """
    work = Work(run_id, f"{step} {table}".strip())
    with transaction(db, role=RESTORE_RUN) as cursor:
        run = read_run(cursor, run_id)
        names = [table] if table else [t.name for t in run.tables]
        leases.hold(cursor, run.execution, run.dataset.name, names)
        if how is None or not (
            is_known(cursor, how, work._replace(number=1))
            or how.suits(cursor, *_relations(run, names), *map(ddl.qualified, others))
        ):
            yield cursor, run
            return
    first = Script()
    first.hold(run.execution, run.dataset.name, names)
    with unattended_cursor(db, how, run.execution, work, first) as unattended:
        yield unattended, run


def _relations(run: Run, names: list[str]) -> Iterator[Sql]:
    """The tables, their shadows, and the tables with the columns of an earlier backup."""
    for name in names:
        table = run.dataset.table(name)
        yield ddl.qualified(table)
        yield run.shadow(table)
        yield Sql("{}.{}").format(ident(run.schema), ident(internal_name("stored", name)))
