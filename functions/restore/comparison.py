"""The comparison of a table with its shadow before the change, which is used again if neither was changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres import ddl
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.row_identifiers import file_number, hold_file
from dataforge.postgres.row_identity import same_key
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, literal, number
from dataforge.postgres.unwritten import State, count_unwritten, observe
from dataforge.runs.results.restore import Figures
from dataforge.tables.catalogue import Table
from functions.restore.difference import (
    SWAP_SHARE,
    count_difference,
    difference,
    find_difference,
    is_empty,
    rows_of,
    same,
)
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_SAMPLED_ROWS = 1000


class Comparison(Figures):
    """The figures as the ledger records them, with the state of the table that was compared; None if it is unknown.

    ``file``, ``shadow_file``: the numbers of their files, which change if rows move.
    """

    state: State | None = None
    file: int | None = None
    shadow_file: int | None = None


def compare_once(cursor: Cursor, run: Run, table: Table) -> Comparison:
    """Find the difference, which ``known_difference`` recognizes later if the table is not written meanwhile."""
    state = observe(cursor, table)
    file, shadow_file = _file(cursor, ddl.qualified(table)), _file(cursor, run.shadow(table))
    if _will_be_swapped(cursor, run, table):
        figures = count_difference(cursor, run, table)
    else:
        # For the joins, to which a small sample suffices; a shadow that becomes a table is analysed again.
        cursor.execute("SET LOCAL default_statistics_target = 10")
        cursor.execute(Sql("ANALYZE {}").format(run.shadow(table)))
        figures = find_difference(cursor, run, table)
    return Comparison(**figures.model_dump(), state=state, file=file, shadow_file=shadow_file)


def _will_be_swapped(cursor: Cursor, run: Run, table: Table) -> bool:
    """Whether a sample suggests that the table will be swapped, so that the identifiers of its rows are not needed."""
    if is_empty(cursor, table):
        return True
    share = min(100.0, 100.0 * _SAMPLED_ROWS / max(rows_of(cursor, run, table), 1))
    sample = Sql("(SELECT ctid, * FROM {} TABLESAMPLE SYSTEM ({})) s").format(
        run.shadow(table), number(share)
    )
    cursor.execute(
        Sql(
            "SELECT {} * count(*) FILTER (WHERE l.ctid IS NULL OR NOT ({})) > count(*) FROM {} LEFT JOIN {} l ON {}"
        ).format(SWAP_SHARE, same(table), sample, ddl.qualified(table), same_key(table, "l", "s"))
    )
    return bool(one_row(cursor)[0]) and is_pristine(cursor, run.dataset, table)


def known_difference(cursor: Cursor, run: Run, table: Table, *, rows: bool) -> Figures | None:
    """The recorded figures, if the table was not written since; None otherwise. The table is locked.

    ``rows``: only if the relation ``difference`` has them, which a crash of the server empties.
    """
    found = recorded_comparison(cursor, run, table, rows=rows)
    if found is None:
        return None
    cursor.execute(hold_file(run.shadow(table)))
    cursor.execute(holds(run, table, found, rows=rows))
    return found if one_row(cursor)[0] else None


def recorded_comparison(cursor: Cursor, run: Run, table: Table, *, rows: bool) -> Comparison | None:
    """The comparison that the ledger has; None if it cannot be recognized later.

    ``rows``: only if there is a relation ``difference``, which a comparison that only counted has not created.
    """
    cursor.execute(
        "SELECT figures, to_regclass(%s) IS NOT NULL FROM dataforge.restore_tables"
        ' WHERE restore_id = %s AND "table" = %s',
        (difference(run, table), run.id, table.name),
    )
    figures, has_rows = one_row(cursor)
    found = Comparison.model_validate(figures)
    return None if found.state is None or (rows and not has_rows) else found


def holds(run: Run, table: Table, recorded: Comparison, *, rows: bool) -> Sql:
    """The query of whether a recorded comparison holds. The table is locked, and its shadow is too (``hold_file``)."""
    state = recorded.state
    if state is None:
        return Sql("SELECT false")
    numbers = [(count_unwritten(table, state), state.rows)]
    if rows and recorded.differing:
        numbers += [
            (file_number(ddl.qualified(table)), recorded.file or 0),
            (file_number(run.shadow(table)), recorded.shadow_file or 0),
            (Sql("SELECT count(*) FROM {}").format(difference(run, table)), recorded.differing),
        ]
    # A table that has grown was written: it is not scanned.
    grown = Sql("pg_relation_size({}) > {}").format(literal(ddl.qualified(table)), state.size)
    found = (Sql("({}) = {}").format(query, number) for query, number in numbers)
    return Sql("SELECT NOT {} AND {}").format(grown, Sql(" AND ").join(found))


def _file(cursor: Cursor, relation: Sql) -> int | None:
    cursor.execute(file_number(relation))
    number: int | None = one_row(cursor)[0]
    return number
