"""Sum quality facts by day, so that reports read days instead of single facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.postgres.roles import SUM_QUALITY
from dataforge.postgres.sql import Sql

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def sum_facts(cursor: Cursor) -> None:
    """Add the facts that were committed since the last call to the sums of their days."""
    cursor.execute(Sql("SELECT {}").format(SUM_QUALITY))
