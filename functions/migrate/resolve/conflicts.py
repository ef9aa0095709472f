"""Reject conflicts: of different rows with one key or one unique value, one is stored."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.postgres import ddl, shadow
from dataforge.postgres.row_identity import columns_of, same_key, same_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Table
from functions.migrate.resolve.rejected_rows import CONFLICT, STORED_CONFLICT, RejectedRows
from functions.migrate.run.migration import Run
from functions.migrate.run.row_conditions import same_values


def remove_conflicts(run: Run, rejected: RejectedRows) -> None:
    """Of different rows with one key or unique value, reject those after the first in file order."""
    if rejected.table.uniques:
        _remove_unique_conflicts(run, rejected)
    else:
        rejected.mark_later_rows_of_keys(CONFLICT)
        rejected.delete_marked()


def remove_stored_conflicts(run: Run, rejected: RejectedRows) -> None:
    """Reject rows whose key is stored with other values, unless they update it, or whose unique value another row has.

    A unique value is taken even if the run gives its stored row another one: PostgreSQL checks row by row.
    """
    table = rejected.table
    if run.on_conflict == "reject" and not (table.keyed_by_row or table.is_multiset):
        same = same_key(table, "s", "l")
        rejected.mark(_stored(run, table, same, same_row(table, "s", "l")), STORED_CONFLICT)
    for unique in table.uniques:
        same = same_values(unique.columns, "s", "l")
        rejected.mark(_stored(run, table, same, same_key(table, "s", "l")), STORED_CONFLICT + unique.name)
    rejected.delete_marked()


def _stored(run: Run, table: Table, same: Sql, allowed: Sql) -> Sql:
    return Sql("SELECT s.{}, s.ctid, NULL FROM {} s JOIN {} l ON {} WHERE NOT ({})").format(
        shadow.SOURCE, run.shadow(table), ddl.qualified(table), same, allowed
    )


def _remove_unique_conflicts(run: Run, rejected: RejectedRows) -> None:
    """Accept the rows in file order, each unless it conflicts with one that was accepted before.

    Only rows that share a key or a unique value with another are read in order. The accepted ones of them are in a table
    with the constraints' indexes, into which ``ON CONFLICT DO NOTHING`` inserts.
    """
    table, cursor = rejected.table, rejected.cursor
    accepted = run.internal_table("accepted", table)
    constraints = dict(_constraints(table))
    cursor.execute(
        Sql("{} {} AS SELECT {}, ctid AS row_id, {} FROM {} WITH NO DATA").format(
            rejected.create, accepted, shadow.SOURCE, ddl.columns_sql(table), run.shadow(table)
        )
    )
    for columns in constraints.values():
        cursor.execute(Sql("CREATE UNIQUE INDEX ON {} ({})").format(accepted, ddl.names_sql(columns)))
    cursor.execute(
        Sql(
            "INSERT INTO {} SELECT s.{}, s.ctid, {} FROM {} s WHERE {} ORDER BY 1, 2 ON CONFLICT DO NOTHING"
        ).format(
            accepted,
            shadow.SOURCE,
            columns_of("s", table.column_names),
            run.shadow(table),
            Sql(" OR ").join(_is_shared(run, table, columns) for columns in constraints.values()),
        )
    )
    for reason, columns in constraints.items():
        later = Sql(
            "SELECT s.{source}, s.ctid, NULL FROM {shadow} s JOIN {accepted} a"
            " ON {same} AND (a.{source}, a.row_id) < (s.{source}, s.ctid)"
        ).format(
            source=shadow.SOURCE,
            shadow=run.shadow(table),
            accepted=accepted,
            same=same_values(columns, "s", "a"),
        )
        rejected.mark(later, reason)
    rejected.delete_marked()
    cursor.execute(Sql("DROP TABLE {}").format(accepted))


def _constraints(table: Table) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The reason of a conflict, and the columns, of the key and of each unique constraint."""
    if table.key:
        yield CONFLICT, table.key
    for unique in table.uniques:
        yield CONFLICT + unique.name, unique.columns


def _is_shared(run: Run, table: Table, columns: tuple[str, ...]) -> Sql:
    """The condition that another row of the shadow has the same values as the row ``s``."""
    names = Sql(", ").join(map(ident, columns))
    return Sql("({}) IN (SELECT {} FROM {} GROUP BY {} HAVING count(*) > 1)").format(
        columns_of("s", columns), names, run.shadow(table), names
    )
