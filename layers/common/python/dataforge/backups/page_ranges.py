"""Divide a table into page ranges, each of which becomes one file of a backup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def count_parts(cursor: Cursor, relation: str, part_bytes: int) -> tuple[int, int]:
    """The pages of the relation, and the number of parts of about ``part_bytes``; 0 if it is empty.

    The size includes TOAST.
    """
    cursor.execute(
        "SELECT pg_table_size(%(name)s), pg_relation_size(%(name)s) / current_setting('block_size')::integer",
        {"name": relation},
    )
    size, pages = one_row(cursor)
    return pages, min(-(-size // part_bytes), pages)


def on_pages(first: int, end: int | None) -> Sql:
    """The condition for rows on the pages from ``first`` up to, not including, ``end`` (None: to the last)."""
    begin = Sql("ctid >= '({},0)'::tid").format(first)
    return begin if end is None else begin + Sql(" AND ctid < '({},0)'::tid").format(end)
