"""Names of constraints and indexes: PostgreSQL's own convention, shortened unambiguously where it exceeds 63 bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dataforge.tables.names import fitted

Kind = Literal["pkey", "key", "fkey", "check", "idx", "not_null", "copies"]


def constraint_name(table: str, columns: Iterable[str], kind: Kind) -> str:
    """``orders_customer_id_fkey``."""
    return fitted("_".join((table, *columns)), f"_{kind}")
