"""Require that the known tables of a run are still unwritten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dataforge.errors import NoLongerKnown
from dataforge.postgres.unwritten import is_unwritten
from functions.migrate.run.ledger import read_resolved
from functions.migrate.run.migration import KNOWN, Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def no_longer_known(names: Iterable[str]) -> NoLongerKnown:
    """The error for these tables, which were written."""
    return NoLongerKnown(f"Written since the run began: {', '.join(names)}; loading the rows.")


def require_known(cursor: Cursor, run: Run, names: Iterable[str]) -> None:
    """Raise ``NoLongerKnown`` if a known one of these tables was written."""
    in_run = {table.name for table in run.tables}
    if written := [name for name in sorted(in_run.intersection(names)) if _is_written(cursor, run, name)]:
        raise no_longer_known(written)


def _is_written(cursor: Cursor, run: Run, name: str) -> bool:
    resolved = read_resolved(cursor, run.id, name)
    if resolved is None or resolved.mode != KNOWN or resolved.state is None:
        return False
    return not is_unwritten(cursor, run.dataset.table(name), resolved.state)
