"""Names of constraints and indexes: PostgreSQL's own convention, shortened unambiguously where it exceeds 63 bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Literal

from dataforge.tables.names import IDENTIFIER_BYTES

Kind = Literal["pkey", "key", "fkey", "check", "idx", "not_null", "copies"]


def constraint_name(table: str, columns: Iterable[str], kind: Kind) -> str:
    """``orders_customer_id_fkey``. A longer name ends in a digest: PostgreSQL would cut it, and two could be equal."""
    name = "_".join((table, *columns, kind))
    if len(name.encode()) <= IDENTIFIER_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    end = f"_{digest}_{kind}"
    start = name.encode()[: IDENTIFIER_BYTES - len(end)].decode(errors="ignore")
    return start + end
