"""Compare tables with their shadows in work that PostgreSQL completes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.row_identifiers import hold_file
from dataforge.postgres.sql import Sql, ident, literal
from dataforge.runs.unattended.script import Script, fact
from dataforge.tables.catalogue import Table
from functions.restore.comparison import holds, recorded_comparison
from functions.restore.difference import count_copies, count_created, count_joined, create_difference, rows_of
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


COUNTS = ("added", "removed", "changed")
"""The numbers of rows that differ, as ``count_joined`` and ``count_created`` name them."""

AFTER = "rows that differ afterwards of "
"""The name of an expected number, with that of a table."""


def compare(cursor: Cursor, script: Script, run: Run, table: Table, *, merges: bool) -> None:
    """Store the numbers of rows that differ as facts: those of the earlier comparison, if it holds.

    ``merges``: the rows are found too.
    """
    counted, as_recorded = Script(), Script()
    if merges:
        counted.execute(create_difference(run, table))
        counted.store(_facts(run, table, count_created(run, table)))
    else:
        counted.store(_facts(run, table, count_joined(run, table, rows_of(cursor, run, table))))
    recorded = recorded_comparison(cursor, run, table, rows=merges)
    if recorded is None:
        script.extend(counted)
        return
    numbers = (Sql("{} AS {}").format(getattr(recorded, word), ident(word)) for word in COUNTS)
    as_recorded.store(_facts(run, table, Sql("SELECT {}").format(Sql(", ").join(numbers))))
    script.execute(hold_file(run.shadow(table)))
    script.choose(holds(run, table, recorded, rows=merges), as_recorded, counted)


def _facts(run: Run, table: Table, counts: Sql) -> Sql:
    """The query ``counts`` with the names of facts."""
    names = Sql(", ").join(
        Sql("{} AS {}").format(ident(word), ident(fact_name(run, word, table))) for word in COUNTS
    )
    return Sql("SELECT {} FROM ({}) counts").format(names, counts)


def fact_name(run: Run, word: str, table: Table) -> str:
    """The name of a fact: it is the name of a column, of at most 63 bytes."""
    return f"{word} {run.tables.index(table)}"


def require_equal(run: Run, table: Table) -> Script:
    """The comparison after the changes, which must find no difference."""
    script = Script()
    script.execute(create_difference(run, table))
    counts = Sql("SELECT added + removed + changed + copies FROM ({}) counts, ({}) copied").format(
        count_created(run, table), count_copies(run, table)
    )
    script.require(counts, 0, AFTER + table.name)
    return script


def record_figures(run: Run, table: Table) -> Sql:
    """The statement that records the facts in the ledger, as ``difference.record_figures``."""
    words = Sql(", ").join(
        Sql("{}, {}").format(literal(word), fact(fact_name(run, word, table))) for word in COUNTS
    )
    return Sql(
        "UPDATE dataforge.restore_tables SET figures = jsonb_build_object('restored', rows, {})"
        ' WHERE restore_id = {} AND "table" = {}'
    ).format(words, literal(run.id), literal(table.name))
