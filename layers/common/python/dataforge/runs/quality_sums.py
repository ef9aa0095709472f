"""Sums of quality facts by day, and the function of the ledger that computes them.

A fact has the id of its transaction. ``quality_summed.until`` is an id below which every transaction had ended when the sums
were computed, so the facts of lower ids are exactly the summed ones, whenever they were committed. Facts are stored before
and after as single rows; who reads sums adds the facts from ``until`` on, in one statement.
"""

from __future__ import annotations

from dataforge.postgres.roles import SUM_QUALITY
from dataforge.postgres.sql import Sql

FACT_ID = Sql("coalesce(xid, '0'::xid8)")
"""The id of a fact's transaction. Facts of versions without ids were committed before the first sums."""

_SUM = Sql("""CREATE OR REPLACE FUNCTION dataforge.sum_quality_facts() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    ends constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
    begins xid8;
BEGIN
    INSERT INTO dataforge.quality_summed (until) VALUES ('0') ON CONFLICT DO NOTHING;
    SELECT until INTO begins FROM dataforge.quality_summed FOR UPDATE;
    IF begins > pg_snapshot_xmax(pg_current_snapshot()) THEN
        -- The ledger was copied to a server that has counted fewer transactions.
        DELETE FROM dataforge.quality_sums;
        begins := '0';
    END IF;
    WITH facts AS (
        SELECT dataset, "table", (at AT TIME ZONE 'UTC')::date AS day, read, rejected, rules, at AS newest
        FROM dataforge.quality_facts WHERE {id} >= begins AND {id} < ends
    ), earlier AS (
        DELETE FROM dataforge.quality_sums s USING (SELECT DISTINCT dataset, "table", day FROM facts) f
        WHERE s.dataset = f.dataset AND s."table" = f."table" AND s.day = f.day
        RETURNING s.dataset, s."table", s.day, s.read, s.rejected, s.rules, s.newest
    ), parts AS (
        SELECT * FROM facts UNION ALL SELECT * FROM earlier
    ), codes AS (
        SELECT dataset, "table", day, columns.key AS "column", codes.key AS code, sum(codes.value::bigint)::bigint AS count
        FROM parts, jsonb_each(rules) AS columns, jsonb_each_text(columns.value) AS codes
        WHERE rejected > 0 GROUP BY 1, 2, 3, 4, 5
    ), columns AS (
        SELECT dataset, "table", day, "column", jsonb_object_agg(code, count) AS codes FROM codes GROUP BY 1, 2, 3, 4
    ), broken AS (
        SELECT dataset, "table", day, jsonb_object_agg("column", codes) AS rules FROM columns GROUP BY 1, 2, 3
    ), totals AS (
        SELECT dataset, "table", day, sum(read) AS read, sum(rejected) AS rejected, max(newest) AS newest
        FROM parts GROUP BY 1, 2, 3
    )
    INSERT INTO dataforge.quality_sums (dataset, "table", day, read, rejected, rules, newest)
    SELECT dataset, "table", day, read, rejected, coalesce(rules, '{{}}'), newest
    FROM totals LEFT JOIN broken USING (dataset, "table", day);
    UPDATE dataforge.quality_summed SET until = greatest(begins, ends);
END $function$""").format(id=FACT_ID)

QUALITY_SUMS = (
    "ALTER TABLE dataforge.quality_facts ADD COLUMN IF NOT EXISTS xid xid8 DEFAULT pg_current_xact_id()",
    Sql("CREATE INDEX IF NOT EXISTS quality_facts_xid ON dataforge.quality_facts (({}))").format(FACT_ID),
    """CREATE TABLE IF NOT EXISTS dataforge.quality_sums (
        dataset text NOT NULL,
        "table" text NOT NULL,
        day date NOT NULL,
        read bigint NOT NULL,
        rejected bigint NOT NULL,
        rules jsonb NOT NULL,
        newest timestamptz NOT NULL)""",
    """CREATE INDEX IF NOT EXISTS quality_sums_day ON dataforge.quality_sums (dataset, "table", day)""",
    """CREATE TABLE IF NOT EXISTS dataforge.quality_summed (
        until xid8 NOT NULL,
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row))""",
    _SUM,
    Sql("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(SUM_QUALITY),
    Sql("SELECT {}").format(SUM_QUALITY),
)
"""The statements that create and fill them. Each can be repeated."""
