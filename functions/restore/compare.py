"""The comparison of the whole restore with what is there: refused before anything is written, or how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.connection import transaction
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.roles import OWNER
from dataforge.runs import leases
from dataforge.settings import RestoreSettings
from functions.restore.ledger import Figures
from functions.restore.references import check_children, check_parents
from functions.restore.run import MERGE, SWAP, Run, read_run

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor


_SHARE = 5
"""One row in so many that differ is worth a new table."""

_CHOOSE = """
    UPDATE dataforge.restores SET mode = %s, readers = ARRAY(
        SELECT virtualxid FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'virtualxid' AND granted AND pid <> pg_backend_pid()
          AND datname = current_database() AND usesysid IS NOT NULL)
    WHERE restore_id = %s
"""
"""Readers are sessions of this database; autovacuum, which has no user, reads nothing for anybody."""


def compare(db: Connection, settings: RestoreSettings, run_id: str) -> dict[str, str]:
    """Check the foreign keys, and choose how the tables are to be changed.

    Whoever is in a transaction now may read by a snapshot that is older than the loaded rows: he is noted for the switch.
    Returns {"next": "finish", "build" or "switch"}. Repeating it is harmless. Raises ``WouldOrphan``, ``TargetRejectsRows``.
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        leases.hold(cursor, run.execution, run.dataset.name, [t.name for t in run.tables])
        figures = read_figures(cursor, run)
        check_children(cursor, run, takes_away(figures))
        check_parents(cursor, run, all_of_them=run.dry_run)
        if run.dry_run:
            return {"next": "finish"}
        mode = _mode(cursor, settings, run, figures)
        cursor.execute(_CHOOSE, (mode, run_id))
    return {"next": "build" if mode == SWAP else "switch"}


def read_figures(cursor: Cursor, run: Run) -> dict[str, dict[str, int]]:
    """By table: ``restored``, ``added``, ``removed``, ``changed``, as last noted; tables in their order."""
    cursor.execute('SELECT "table", figures FROM dataforge.restore_tables WHERE restore_id = %s', (run.id,))
    found = dict(cursor.fetchall())
    return {table.name: Figures.model_validate(found[table.name]).model_dump() for table in run.tables}


def takes_away(figures: dict[str, dict[str, int]]) -> list[str]:
    """The tables from which a value disappears that rows elsewhere may refer to."""
    return [name for name, counts in figures.items() if counts["removed"] or counts["changed"]]


def _mode(cursor: Cursor, settings: RestoreSettings, run: Run, figures: dict[str, dict[str, int]]) -> str:
    """Rows that differ are exchanged one by one, unless they are many and nobody added anything to the tables.

    All tables together, for foreign keys lead from one to the other.
    """
    rows = sum(counts["restored"] for counts in figures.values())
    differing = sum(counts[n] for counts in figures.values() for n in ("added", "removed", "changed"))
    if differing < max(settings.swap_rows, rows // _SHARE):
        return MERGE
    return SWAP if all(is_pristine(cursor, run.dataset, table) for table in run.tables) else MERGE
