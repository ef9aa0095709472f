"""Recognize a run whose files are those of an earlier one, and whose tables were not written since.

Its rows are stored already, so nothing is loaded. The record of the earlier run is in an unlogged table, which a crash of
the server empties, and names the transaction that wrote it, so that a copy in another server is not taken for it.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

import dataforge
import functions
from dataforge.postgres import ddl
from dataforge.postgres.unwritten import State, is_unwritten, state_with
from dataforge.tables.datasets import PACKAGE as DATASETS_PACKAGE
from functions.migrate.run.ledger import Resolved, read_resolved
from functions.migrate.run.migration import KNOWN, MERGE, Run

if TYPE_CHECKING:
    from types import ModuleType

    from dataforge.postgres.types import Cursor


_ADDRESS = re.compile(" at 0x[0-9a-f]+")
"""The part of a representation that differs from process to process."""

_STATES = TypeAdapter(dict[str, State])


@functools.cache
def _code_digest() -> str:
    """A digest of the code that reads files, and of the libraries' versions."""
    digest = hashlib.sha256(sys.version.encode())
    # The folders of metadata, whose names have the libraries' versions.
    libraries = (folder.name for path in sys.path for folder in Path(path).glob("*.dist-info"))
    digest.update("\n".join(sorted(libraries)).encode())
    for folder in (
        *_folders(dataforge),
        *_folders(import_module(DATASETS_PACKAGE)),
        *_folders(functions, "migrate"),
    ):
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _folders(package: ModuleType, inside: str = "") -> list[Path]:
    return [Path(path, inside) for path in package.__path__]


def _digest(run: Run) -> str:
    """A digest of all that decides, beside the files, which rows a run has."""
    dataset = run.dataset
    parts = (dataset, dataset.tables, dataset.sources, run.tables, sorted(run.ignore))
    declared = _ADDRESS.sub("", repr(parts))
    texts = (_code_digest(), ddl.fingerprint([dataset]), declared)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def find_known(cursor: Cursor, run: Run, versions: Mapping[str, str | None]) -> str | None:
    """The earlier run with the same result as this one; ``versions``: of the run's files, by key."""
    if run.replay is not None or not versions or not all(versions.values()):
        return None
    cursor.execute(
        "SELECT migration_id, states FROM dataforge.known_runs WHERE dataset = %s AND prefix = %s AND digest = %s"
        " AND xmin = stored_by::xid",
        (run.dataset.name, run.prefix, _digest(run)),
    )
    if (found := cursor.fetchone()) is None:
        return None
    migration_id, states = found
    cursor.execute(
        "SELECT key, version FROM dataforge.migration_files WHERE migration_id = %s", (migration_id,)
    )
    if dict(cursor.fetchall()) != versions:
        return None
    known = _STATES.validate_python(states)
    unwritten = all(is_unwritten(cursor, run.dataset.table(name), state) for name, state in known.items())
    return migration_id if unwritten else None


def remember(cursor: Cursor, run: Run) -> None:
    """Record a run that publishes, for ``find_known``, if all of its rows are stored as they were read.

    Runs in the transaction that publishes, after the rows are visible to it.
    """
    if run.mode == KNOWN or run.replay is not None:
        return
    cursor.execute(
        "DELETE FROM dataforge.known_runs WHERE dataset = %s AND prefix = %s", (run.dataset.name, run.prefix)
    )
    states = {table.name: _state(cursor, run, table.name) for table in run.tables}
    present = {name: state for name, state in states.items() if state}
    if len(present) < len(states) or not _is_simple(cursor, run):
        return
    cursor.execute(
        "INSERT INTO dataforge.known_runs (dataset, prefix, migration_id, digest, states) VALUES (%s, %s, %s, %s, %s)",
        (run.dataset.name, run.prefix, run.id, _digest(run), _STATES.dump_json(present).decode()),
    )


def _is_simple(cursor: Cursor, run: Run) -> bool:
    """Whether the result of the run consists of counts: no record is rejected, and no orphan is listed.

    The versions of its files must be known, too.
    """
    if any(not key.enforced for table in run.tables for key in table.references):
        return False
    cursor.execute(
        "SELECT (SELECT sum(rejected) = 0 FROM dataforge.migration_tables WHERE migration_id = %(run)s)"
        " AND (SELECT bool_and(version IS NOT NULL) FROM dataforge.migration_files WHERE migration_id = %(run)s)",
        {"run": run.id},
    )
    [(simple,)] = cursor.fetchall()
    return bool(simple)


def _state(cursor: Cursor, run: Run, name: str) -> State | None:
    """The state of a table that has all rows of the run; None if rows were inserted or changed, which are too young."""
    resolved = read_resolved(cursor, run.id, name)
    if resolved is None:
        return None
    if run.mode == MERGE:
        return resolved.state if resolved.rows == resolved.unchanged else None
    return state_with(cursor, run.dataset.table(name), _rows_after_swap(resolved))


def _rows_after_swap(resolved: Resolved) -> int:
    """The run's rows, and the stored ones of a rebuilt table that have other keys."""
    stored = resolved.state.rows if resolved.state else 0
    return resolved.rows + stored - (resolved.unchanged + resolved.updated if stored else 0)
