"""A run's rows put into tables that hold others, and the way back when those changed meanwhile."""

from __future__ import annotations

from typing import Any

import psycopg2
import psycopg2.errors

from dataforge import ddl, shadow
from dataforge.catalogue import Table
from dataforge.database import Connection, transaction
from dataforge.errors import TargetChanged, TargetRefuses
from dataforge.roles import OWNER
from functions.migrate.run import Run, read_run
from functions.migrate.settle import same_key, same_row

SETTLE_AGAIN_LIMIT = 5
"""A target that still differs after so many times is not written to by chance: something in it keeps rows out."""


def insert(cursor: Any, run: Run) -> None:
    """Add the new rows to filled tables, parents first, and make sure that every row of the shadows is stored.

    Where the run is to update, a stored row of the same key takes the values of the run's. Its key stays, and so do the
    rows that refer to it.

    Raises ``TargetChanged``, or ``TargetRefuses`` where the owner's own rules stand in the way.
    """
    own = {key.name for table in run.tables for key in table.foreign_keys}
    try:
        for wave in run.dataset.waves(t.name for t in run.tables):
            for table in map(run.dataset.table, wave):
                _insert_table(cursor, run, table)
    except (psycopg2.IntegrityError, psycopg2.errors.RaiseException) as error:
        if isinstance(error, psycopg2.errors.ForeignKeyViolation) and error.diag.constraint_name in own:
            raise TargetChanged(
                "A parent row was deleted since the run was settled; settling again."
            ) from error
        where = f"{error.diag.schema_name}.{error.diag.table_name}: " if error.diag.table_name else ""
        raise TargetRefuses(f"{where}{error.diag.message_primary}. Nothing was published.") from error


def _insert_table(cursor: Any, run: Run, table: Table) -> None:
    relation, live = ddl.qualified(table, shadow.schema_of(run.id)), ddl.qualified(table)
    columns, names = ddl.columns_sql(table), ", ".join(map(ddl.ident, table.key))
    key = same_key(table, "s", "l")
    updated = _update_table(cursor, run, table) if run.on_conflict == "update" else 0
    cursor.execute(
        f"INSERT INTO {live} ({columns}) SELECT {columns} FROM {relation} s"
        f" WHERE NOT EXISTS (SELECT FROM {live} l WHERE {key}) ON CONFLICT ({names}) DO NOTHING"
    )
    changed = (cursor.rowcount, updated)
    cursor.execute(
        f"SELECT (SELECT count(*) FROM {relation} s JOIN {live} l ON {key} WHERE {same_row(table, 's', 'l')}),"
        " (settled->>'rows')::bigint, (settled->>'unchanged')::bigint, (settled->>'updated')::bigint,"
        " (settled->>'again')::integer"
        ' FROM dataforge.migration_tables WHERE migration_id = %s AND "table" = %s',
        (run.id, table.name),
    )
    stored, rows, unchanged, to_update, again = cursor.fetchone()
    if stored == rows and changed == (rows - unchanged - to_update, to_update):
        return
    if again >= SETTLE_AGAIN_LIMIT:
        raise TargetRefuses(
            f"{live}: of {rows} rows {rows - stored} are not stored as they are, after settling {again} times again."
            " A trigger or rule of the table changes them or keeps them out. Nothing was published."
        )
    raise TargetChanged(f"{table.name} was changed since the run was settled; settling again.")


def _update_table(cursor: Any, run: Run, table: Table) -> int:
    """Give stored rows the values that the run has for their keys; returns how many differed."""
    others = [ddl.ident(name) for name in table.column_names if name not in table.key]
    if not others:
        return 0
    cursor.execute(
        f"UPDATE {ddl.qualified(table)} l SET {', '.join(f'{name} = s.{name}' for name in others)}"
        f" FROM {ddl.qualified(table, shadow.schema_of(run.id))} s"
        f" WHERE {same_key(table, 's', 'l')} AND NOT ({same_row(table, 's', 'l')})"
    )
    return int(cursor.rowcount)


def settle_again(db: Connection, run_id: str) -> None:
    """From now on the run inserts into filled tables; its shadows lose what only a swap needs."""
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        for table in run.tables:
            shadow.drop_foreign_keys(cursor, table, run_id)
        cursor.execute("UPDATE dataforge.migrations SET mode = 'merge' WHERE migration_id = %s", (run_id,))
        cursor.execute(
            "UPDATE dataforge.migration_tables SET settled = settled ||"
            " jsonb_build_object('mode', '', 'again', (settled->>'again')::integer + 1) WHERE migration_id = %s",
            (run_id,),
        )
