"""Store the quality facts of a published run, one per table."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from dataforge.postgres.sql import Sql
from dataforge.records.quality import Fact, Rules, insert_statement
from functions.migrate.run.migration import Run
from functions.migrate.run.rejections.read import read_uncounted
from functions.migrate.run.rejections.uncounted import COUNTED_BY_ROWS

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_BROKEN = Sql("""
    SELECT "table", "column", code, count(*) FROM (
        SELECT "table", errors->0->>'column' AS "column", errors->0->>'code' AS code
        FROM dataforge.rejections WHERE migration_id = %(run)s AND {counted} AND jsonb_array_length(errors) = 1
        UNION ALL
        SELECT "table", "column", code FROM (
            SELECT DISTINCT id, "table", e->>'column' AS "column", e->>'code' AS code
            FROM dataforge.rejections, jsonb_array_elements(errors) e
            WHERE migration_id = %(run)s AND {counted} AND jsonb_array_length(errors) > 1
        ) several
    ) broken GROUP BY 1, 2, 3
""").format(counted=COUNTED_BY_ROWS)
"""Rejected records by table, column and code. A record with one error needs no DISTINCT; most have one."""


def store_facts(cursor: Cursor, run: Run) -> None:
    """Store the facts, in the transaction that publishes."""
    if statement := facts_statement(cursor, run):
        cursor.execute(*statement)


def facts_statement(cursor: Cursor, run: Run) -> tuple[Sql, list[Any]] | None:
    """The statement that stores a fact for each table of which records were read, and its parameters."""
    cursor.execute(
        'SELECT "table", read, rejected FROM dataforge.migration_tables WHERE migration_id = %s AND read > 0',
        (run.id,),
    )
    counts = cursor.fetchall()
    if run.replay is None:
        rules = _broken_rules(cursor, run)
        facts = [Fact(table, read, rejected, rules.get(table, {})) for table, read, rejected in counts]
    else:
        # Records that a replay rejects were counted when they were rejected first.
        facts = [Fact(table, read - rejected) for table, read, rejected in counts if read > rejected]
    return insert_statement("migration", run.id, run.dataset.name, facts) if facts else None


def _broken_rules(cursor: Cursor, run: Run) -> dict[str, Rules]:
    """The counts of ``quality.broken_rules`` per table, computed in PostgreSQL: there may be millions of rejections."""
    cursor.execute(_BROKEN, {"run": run.id})
    rules: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    columns_of = {table.name: table.by_name for table in run.tables}
    for table, column, code, records in cursor.fetchall():
        rules[table][column if column in columns_of[table] else ""][code] += records
    for table, uncounted in read_uncounted(cursor, run.id).items():
        for (code, column), records in uncounted.by_reason.items():
            known = column if column and column in columns_of[table] else ""
            rules[table][known][code] += records
    return {table: dict(columns) for table, columns in rules.items()}
