"""What a published run leaves about the quality of each table, beside what batches leave."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from dataforge.records.quality import Fact, Rules, insert_statement
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_BROKEN = """
    SELECT "table", "column", code, count(*) FROM (
        SELECT "table", errors->0->>'column' AS "column", errors->0->>'code' AS code
        FROM dataforge.rejections WHERE migration_id = %(run)s AND jsonb_array_length(errors) = 1
        UNION ALL
        SELECT "table", "column", code FROM (
            SELECT DISTINCT id, "table", e->>'column' AS "column", e->>'code' AS code
            FROM dataforge.rejections, jsonb_array_elements(errors) e
            WHERE migration_id = %(run)s AND jsonb_array_length(errors) > 1
        ) several
    ) broken GROUP BY 1, 2, 3
"""
"""Rejected records by table, column and code. Most have one error, and need not be told apart."""


def store_facts(cursor: Cursor, run: Run) -> None:
    """Keep a fact per table, in the transaction that publishes: once per run, and only of what readers get.

    Where nothing of a table was read there is none.
    """
    cursor.execute(
        'SELECT "table", read, rejected FROM dataforge.migration_tables WHERE migration_id = %s AND read > 0',
        (run.id,),
    )
    counts = cursor.fetchall()
    if run.replay is None:
        rules = _broken_rules(cursor, run)
        facts = [Fact(table, read, rejected, rules.get(table, {})) for table, read, rejected in counts]
    else:
        # What a replay rejects is counted already, where it was rejected first.
        facts = [Fact(table, read - rejected) for table, read, rejected in counts if read > rejected]
    if facts:
        cursor.execute(*insert_statement("migration", run.id, run.dataset.name, facts))


def _broken_rules(cursor: Cursor, run: Run) -> dict[str, Rules]:
    """The counts of ``quality.broken_rules`` per table, computed in PostgreSQL: there may be millions of rejections."""
    cursor.execute(_BROKEN, {"run": run.id})
    found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    known = {table.name: table.by_name for table in run.tables}
    for table, column, code, records in cursor.fetchall():
        found[table][column if column in known[table] else ""][code] += records
    return {table: dict(columns) for table, columns in found.items()}
