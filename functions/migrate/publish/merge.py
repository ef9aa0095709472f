"""A run's rows put into tables that hold others, and the way back when those changed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from dataforge.errors import TargetChanged, TargetRejectsRows
from dataforge.postgres import ddl, shadow
from dataforge.postgres.connection import transaction
from dataforge.postgres.owner_rules import is_lost_parent, refusal
from dataforge.postgres.refusals import describe
from dataforge.postgres.roles import OWNER
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.resolve import same_key, same_row
from functions.migrate.run.ledger import read_settled, store_settled
from functions.migrate.run.migration import Run, read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


SETTLE_AGAIN_LIMIT = 5
"""A target that still differs after so many times is not written to by chance: something in it keeps rows out."""


@dataclass(frozen=True)
class _Settled:
    """What settling found for a table: rows of the run, those that are stored already, and those to be updated."""

    rows: int
    unchanged: int
    updated: int
    again: int


def insert(cursor: Cursor, run: Run) -> None:
    """Add the new rows to filled tables, parents first, and make sure that every row of the shadows is stored.

    Where the run is to update, a stored row of the same key takes the values of the run's. Its key stays, and so do the
    rows that refer to it. Updates come last: only their writers have to wait, and not for the inserts.
    Raises ``TargetChanged``, or ``TargetRejectsRows`` where the owner's own rules stand in the way.
    """
    chosen = {table.name: table for table in run.tables}
    # The order in which batches take a dataset's tables, also where the run has but some: else they could deadlock.
    tables = [chosen[name] for wave in run.dataset.waves() for name in wave if name in chosen]
    settled = {table.name: _settled(cursor, run, table) for table in tables}
    try:
        for table in tables:
            _insert_table(cursor, run, table, settled[table.name])
        for table in tables:
            if settled[table.name].updated:
                _update_table(cursor, run, table, settled[table.name])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg2.Error as error:
        if isinstance(error, psycopg2.errors.FeatureNotSupported):
            raise TargetRejectsRows(
                "A table of the run has a rule on INSERT or UPDATE. `dataforge doctor` names it. Hint: use a trigger."
                " Nothing was published."
            ) from None
        if refusal(error) is None:
            raise
        if any(is_lost_parent(table, error) for table in tables):
            raise TargetChanged(
                "A parent row was deleted since the run was settled; settling again."
            ) from None
        raise TargetRejectsRows(f"{describe(error)}. Nothing was published.") from None


def _settled(cursor: Cursor, run: Run, table: Table) -> _Settled:
    cursor.execute(
        "SELECT (settled->>'rows')::bigint, (settled->>'unchanged')::bigint, (settled->>'updated')::bigint,"
        " (settled->>'again')::integer"
        ' FROM dataforge.migration_tables WHERE migration_id = %s AND "table" = %s',
        (run.id, table.name),
    )
    return _Settled(*one_row(cursor))


def _insert_table(cursor: Cursor, run: Run, table: Table, settled: _Settled) -> None:
    live = ddl.qualified(table)
    columns, names = ddl.columns_sql(table), Sql(", ").join(map(ident, table.key))
    cursor.execute(
        Sql(
            "INSERT INTO {live} ({columns}) SELECT {columns} FROM {shadow} s"
            " WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key}) ON CONFLICT ({names}) DO NOTHING"
        ).format(
            live=live,
            columns=columns,
            shadow=_shadow(run, table),
            same_key=same_key(table, Sql("s"), Sql("l")),
            names=names,
        )
    )
    wanted = settled.rows - settled.unchanged - settled.updated
    _check(cursor, run, table, settled, as_settled=cursor.rowcount == wanted, differing=settled.updated)


def _update_table(cursor: Cursor, run: Run, table: Table, settled: _Settled) -> None:
    """Give stored rows the values that the run has for their keys."""
    others = [ident(name) for name in table.column_names if name not in table.key]
    cursor.execute(
        Sql("UPDATE {} l SET {} FROM {} s WHERE {} AND NOT ({})").format(
            ddl.qualified(table),
            Sql(", ").join(Sql("{} = s.{}").format(name, name) for name in others),
            _shadow(run, table),
            same_key(table, Sql("s"), Sql("l")),
            same_row(table, Sql("s"), Sql("l")),
        )
    )
    _check(cursor, run, table, settled, as_settled=cursor.rowcount == settled.updated, differing=0)


def _check(
    cursor: Cursor, run: Run, table: Table, settled: _Settled, *, as_settled: bool, differing: int
) -> None:
    """Make sure that all of the run's rows are stored as they are, but for ``differing`` ones."""
    live = ddl.qualified(table)
    cursor.execute(
        Sql("SELECT count(*) FROM {shadow} s JOIN {live} l ON {same_key} WHERE {same_row}").format(
            shadow=_shadow(run, table),
            live=live,
            same_key=same_key(table, Sql("s"), Sql("l")),
            same_row=same_row(table, Sql("s"), Sql("l")),
        )
    )
    missing = settled.rows - differing - int(one_row(cursor)[0])
    if missing == 0 and as_settled:
        return
    if settled.again >= SETTLE_AGAIN_LIMIT:
        raise TargetRejectsRows(
            f"{live}: of {settled.rows} rows {missing} are not stored as they are, after settling {settled.again} times"
            " again. A trigger or rule of the table changes them or keeps them out. Nothing was published."
        )
    raise TargetChanged(f"{table.name} was changed since the run was settled; settling again.")


def _shadow(run: Run, table: Table) -> Sql:
    return ddl.qualified(table, shadow.schema_of(run.id))


def settle_again(db: Connection, run_id: str) -> None:
    """From now on the run inserts into filled tables; its shadows lose what only a swap needs."""
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        for table in run.tables:
            shadow.drop_foreign_keys(cursor, table, run_id)
            settled = read_settled(cursor, run_id, table.name, lock=True)
            if settled is not None:
                again = settled.model_copy(update={"mode": "", "again": settled.again + 1})
                store_settled(cursor, run_id, table.name, again)
        cursor.execute("UPDATE dataforge.migrations SET mode = 'merge' WHERE migration_id = %s", (run_id,))
