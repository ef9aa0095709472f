"""The functions of the ledger by which a replay closes rejections, so that no login needs to delete or change them.

They run with the rights of the ledger's owner. A rejection is never deleted by them, only a further one that a replay stored
for it, and only if it is obsolete.
"""

from __future__ import annotations

from dataforge.postgres.roles import DELETE_SUPERSEDED, MARK_REPLAYED
from dataforge.postgres.sql import Sql

_DEFINER = Sql("LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$")

_MARK = Sql("""CREATE OR REPLACE FUNCTION dataforge.mark_replayed(migration_id text, rejections bigint[]) RETURNS void
    {definer}
    UPDATE dataforge.rejections r SET replayed_at = now() FROM unnest(rejections) chosen
    WHERE r.id = chosen AND r.replayed_at IS NULL AND NOT EXISTS (
        SELECT FROM dataforge.rejections again
        WHERE again.replay_of = chosen AND again.migration_id = mark_replayed.migration_id)
    $function$""").format(definer=_DEFINER)
"""Mark rejections whose records the run did not reject again. The caller cannot choose the time, after which they expire."""

_DELETE = Sql("""CREATE OR REPLACE FUNCTION dataforge.delete_superseded(rejections bigint[]) RETURNS void
    {definer}
    DELETE FROM dataforge.rejections old
    USING unnest(rejections) chosen, dataforge.rejections root, dataforge.migrations ended
    WHERE old.replay_of = chosen AND root.id = chosen AND ended.migration_id = old.migration_id AND (
        root.replayed_at IS NOT NULL
        OR ended.status NOT IN ('running', 'published')
        OR EXISTS (
            SELECT FROM dataforge.rejections newer JOIN dataforge.migrations m ON m.migration_id = newer.migration_id
            WHERE newer.replay_of = chosen AND newer.id > old.id AND newer.migration_id <> old.migration_id
              AND m.status = 'published'))
    $function$""").format(definer=_DEFINER)
"""Delete further rejections of these: of a record that is stored, of a replay that ended unpublished, or before that of a
later published replay."""

REPLAY_FUNCTIONS = (
    _MARK,
    _DELETE,
    Sql("REVOKE ALL ON FUNCTION {}, {} FROM PUBLIC").format(MARK_REPLAYED, DELETE_SUPERSEDED),
)
"""The statements that create them. Each can be repeated."""
