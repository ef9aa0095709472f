"""Delete duplicates: identical rows are stored once."""

from __future__ import annotations

from dataforge.postgres import shadow
from dataforge.postgres.row_identity import columns_of, key_hash
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.rejected_rows import RejectedRows
from functions.migrate.run.migration import Run


def remove_duplicates(run: Run, rejected: RejectedRows) -> None:
    """Of identical rows, delete those after the first in file order. ``remove_conflicts`` reuses the query's result.

    A multiset keeps all of them.
    """
    table = rejected.table
    if table.is_multiset:
        return
    ranked = Sql(
        "SELECT s.ctid AS row_id, row_number() OVER (PARTITION BY {row} ORDER BY s.{source}) AS number,"
        " min(s.ctid) OVER (PARTITION BY {row_key}) AS key_group"
        " FROM {shadow} s WHERE {hash} IN ({shared})"
    ).format(
        row=columns_of("s", table.column_names),
        source=shadow.SOURCE,
        row_key=columns_of("s", table.identity),
        shadow=run.shadow(table),
        hash=key_hash(table, "s"),
        shared=_shared_hashes(run, table),
    )
    if table.keyed_by_row:
        rejected.delete_duplicates(ranked)
    else:
        rejected.delete_duplicates_of_keys(ranked)


def _shared_hashes(run: Run, table: Table) -> Sql:
    """The query of the hashes of keys that several rows have. They are sorted: a hash table of millions takes longer."""
    return Sql(
        "SELECT hash FROM (SELECT {} AS hash FROM {} r ORDER BY 1) hashes GROUP BY hash HAVING count(*) > 1"
    ).format(key_hash(table, "r"), run.shadow(table))
