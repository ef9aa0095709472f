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

    Runs in the transaction that publishes. Does nothing if the run is not a replay.
    """
    if run.replay is None:
        return
    cursor.execute(
        Sql(
            "DELETE FROM dataforge.rejections old USING {} m"
            " WHERE old.replay_of = m.rejection AND old.migration_id <> %s"
        ).format(relation(run.id)),
        (run.id,),
    )
    cursor.execute(
        Sql(
            "UPDATE dataforge.rejections r SET replayed_at = now() FROM {} m WHERE r.id = m.rejection AND NOT EXISTS"
            " (SELECT FROM dataforge.rejections bad WHERE bad.replay_of = m.rejection AND bad.migration_id = %s)"
        ).format(relation(run.id)),
        (run.id,),
    )
