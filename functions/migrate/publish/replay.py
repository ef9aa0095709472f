"""Close a replay: mark the rejections whose records it published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.sql import Sql
from functions.migrate.run.migration import Run
from functions.migrate.run.replay_records import relation

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def close_replay(cursor: Cursor, run: Run) -> None:
    """Mark rejections whose records are stored now as replayed; of the others, keep only this run's new rejection.

    Runs in the transaction that publishes, after the run is marked as published. Does nothing if the run is not a replay.
    """
    if run.replay is None:
        return
    chosen = Sql("ARRAY(SELECT rejection FROM {} WHERE rejection IS NOT NULL)").format(relation(run.id))
    cursor.execute(Sql("SELECT dataforge.mark_replayed(%s, {})").format(chosen), (run.id,))
    cursor.execute(Sql("SELECT dataforge.delete_superseded({})").format(chosen))
