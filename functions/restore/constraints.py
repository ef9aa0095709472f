"""Unique constraints during a merge: PostgreSQL checks them row by row, and rows may swap their values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


@contextmanager
def without_unique_constraints(cursor: Cursor, run: Run) -> Iterator[None]:
    """Drop the unique constraints of the run's tables and the foreign keys to them, and create them again at the end.

    Locks the tables against readers.
    """
    names = [table.name for table in run.tables]
    cursor.execute("SELECT dataforge_steps.suspend_unique(%s, %s)", (run.dataset.name, names))
    yield
    cursor.execute("SELECT dataforge_steps.resume_unique()")
