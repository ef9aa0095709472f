"""Names of the constraints and indexes that Data Forge creates.

Constraints and indexes with other names belong to the owner and are not changed. PostgreSQL generates the same names for
checks and foreign keys as Data Forge, so an owner must name them explicitly (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Convention:
    """Names of the constraints and indexes that Data Forge creates on a table with these columns."""

    def __init__(self, table: str, columns: Iterable[str]) -> None:
        names = set(columns)
        self._key = f"{table}_pkey"
        self._columns = {f"{table}_{column}_{kind}" for column in names for kind in ("check", "fkey")}
        self._indexes = {f"{table}_{column}_idx": f"{table}_{column}_fkey" for column in names}

    def is_constraint(self, name: str) -> bool:
        """Whether a constraint of this name is Data Forge's."""
        return name == self._key or name in self._columns

    def is_index(self, name: str, constraints: Mapping[str, str]) -> bool:
        """Whether an index of this name is Data Forge's. It creates indexes for foreign keys only."""
        return self._indexes.get(name) in constraints
