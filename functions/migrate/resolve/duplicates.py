"""Delete duplicates: identical rows are stored once."""

from __future__ import annotations

from dataforge.postgres import shadow
from dataforge.postgres.row_identity import columns_of, same_key
from dataforge.postgres.sql import Sql, ident
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
        " FROM {shadow} s JOIN (SELECT {key} FROM {shadow} GROUP BY {key} HAVING count(*) > 1) k ON {same_key}"
    ).format(
        row=columns_of("s", table.column_names),
        source=shadow.SOURCE,
        row_key=columns_of("s", table.identity),
        shadow=run.shadow(table),
        key=Sql(", ").join(map(ident, table.identity)),
        same_key=same_key(table, "s", "k"),
    )
    if table.keyed_by_row:
        rejected.delete_duplicates(ranked)
    else:
        rejected.delete_duplicates_of_keys(ranked)
