"""Let a run whose tables were changed meanwhile repeat steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from functions.migrate.run.ledger import read_resolved, store_resolved
from functions.migrate.run.migration import KNOWN, MERGE, read_run
from functions.migrate.run.stored_rows import undo_rebuild

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


def resolve_again(db: Connection, run_id: str, *, load_known: bool = False) -> None:
    """Switch the run to merging and mark its tables for resolving again.

    Those that are known stay so; or else their rows are to be loaded (``load_known``).
    """
    with transaction(db, role=MIGRATION_RUN) as cursor:
        run = read_run(cursor, run_id)
        if load_known:
            _unload_known(cursor, run_id)
        undo_rebuild(cursor, run, run.tables)
        for table in run.tables:
            resolved = read_resolved(cursor, run_id, table.name, lock=True)
            if resolved is not None and resolved.mode != KNOWN:
                again = resolved.model_copy(update={"mode": "", "again": resolved.again + 1})
                store_resolved(cursor, run_id, table.name, again)
        cursor.execute(
            "UPDATE dataforge.migrations SET mode = %s, rebuilds = false WHERE migration_id = %s",
            (MERGE, run_id),
        )


def _unload_known(cursor: Cursor, run_id: str) -> None:
    cursor.execute(
        "UPDATE dataforge.migration_chunks SET tallies = NULL, result = NULL, loaded_at = NULL"
        " WHERE migration_id = %s AND result ? 'known'",
        (run_id,),
    )
    cursor.execute(
        "UPDATE dataforge.migration_tables SET settled = NULL WHERE migration_id = %s AND settled->>'mode' = %s",
        (run_id, KNOWN),
    )
