"""Record a published run for the next run of its prefix, which need not load what has not changed.

The record is in an unlogged table, which a crash of the server empties, and has the number of the transaction that wrote it,
so that a copy in another server is not taken for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from dataforge.postgres.rows import one_row
from dataforge.postgres.unwritten import State, state_with
from dataforge.tables.catalogue import Table
from functions.migrate.run.known.digest import code_digest, digest_of
from functions.migrate.run.ledger import Resolved, read_resolved
from functions.migrate.run.migration import KNOWN, MERGE, Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


_STATES = TypeAdapter(dict[str, State])


@dataclass(frozen=True)
class Earlier:
    """The last published run of a dataset and prefix, and the states of the tables that have all rows as it read them."""

    id: str
    states: Mapping[str, State]


def store_digest(cursor: Cursor, run: Run) -> None:
    """Store the digest of the run when it is planned. A deployment may change the code before it is published."""
    cursor.execute(
        "UPDATE dataforge.migrations SET digest = %s WHERE migration_id = %s", (digest_of(run), run.id)
    )


def read_earlier(cursor: Cursor, run: Run) -> Earlier | None:
    """The run that the record has, if it read the same files as this run would."""
    cursor.execute(
        "SELECT k.migration_id, k.states FROM dataforge.known_runs k, dataforge.migrations m"
        " WHERE m.migration_id = %s AND k.dataset = m.dataset AND k.prefix = m.prefix"
        " AND k.digest = m.digest AND k.digest = %s AND k.xmin = k.stored_by::xid",
        (run.id, digest_of(run)),
    )
    row = cursor.fetchone()
    return None if row is None else Earlier(row[0], _STATES.validate_python(row[1]))


def remember(cursor: Cursor, run: Run) -> None:
    """Record a run that publishes, with the tables of which all of its rows are stored as they were read.

    Runs in the transaction that publishes, after the rows are visible to it.
    """
    if run.replay is not None:
        return
    cursor.execute(
        "DELETE FROM dataforge.known_runs WHERE dataset = %s AND prefix = %s", (run.dataset.name, run.prefix)
    )
    states = {table.name: state for table in _simple(cursor, run) if (state := _state(cursor, run, table))}
    digest = digest_of(run)
    cursor.execute("SELECT digest FROM dataforge.migrations WHERE migration_id = %s", (run.id,))
    if states and one_row(cursor) == (digest,) and _is_of_one_code(cursor, run):
        cursor.execute(
            "INSERT INTO dataforge.known_runs (dataset, prefix, migration_id, digest, states)"
            " VALUES (%s, %s, %s, %s, %s)",
            (run.dataset.name, run.prefix, run.id, digest, _STATES.dump_json(states).decode()),
        )


def _is_of_one_code(cursor: Cursor, run: Run) -> bool:
    """Whether all workers had the code of this function. During a deployment some may still have the earlier one."""
    cursor.execute(
        "SELECT FROM dataforge.migration_chunks, LATERAL (VALUES (scan), (result)) v (effort)"
        " WHERE migration_id = %s AND effort IS NOT NULL AND NOT effort ? 'known'"
        " AND effort->>'code' IS DISTINCT FROM %s LIMIT 1",
        (run.id, code_digest()),
    )
    return cursor.fetchone() is None


def _simple(cursor: Cursor, run: Run) -> list[Table]:
    """The tables whose result consists of counts: no record is rejected, and no orphan is listed."""
    cursor.execute(
        'SELECT "table" FROM dataforge.migration_tables WHERE migration_id = %s AND rejected = 0', (run.id,)
    )
    accepted = {name for (name,) in cursor.fetchall()}
    return [
        table
        for table in run.tables
        if table.name in accepted and all(key.enforced for key in table.references)
    ]


def _state(cursor: Cursor, run: Run, table: Table) -> State | None:
    """The state of a table that has all rows of the run; None if rows were inserted or changed, which are too young."""
    resolved = read_resolved(cursor, run.id, table.name)
    if resolved is None:
        return None
    if resolved.mode in {MERGE, KNOWN}:
        return resolved.state if resolved.rows == resolved.unchanged else None
    return state_with(cursor, table, _rows_after_swap(resolved))


def _rows_after_swap(resolved: Resolved) -> int:
    """The run's rows, and the stored ones of a rebuilt table that have other keys."""
    stored = resolved.state.rows if resolved.state else 0
    return resolved.rows + stored - (resolved.unchanged + resolved.updated if stored else 0)
