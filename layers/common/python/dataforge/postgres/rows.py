"""Rows of statements that return exactly one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def one_row(cursor: Cursor) -> tuple[Any, ...]:
    """The next row of a statement that always has one, such as an aggregate. Raises ``LookupError`` without a row."""
    row = cursor.fetchone()
    if row is None:
        raise LookupError("The statement returned no row.")
    return row
