"""Which constraints and indexes of a table are Data Forge's own: those with the names that it gives.

Whatever has another name is an owner's, and stays. PostgreSQL's automatic names of checks and foreign keys are the same as
Data Forge's, so an owner gives a name (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Convention:
    """The names that Data Forge gives to what it makes on a table with these columns."""

    def __init__(self, table: str, columns: Iterable[str]) -> None:
        names = set(columns)
        self._key = f"{table}_pkey"
        self._columns = {f"{table}_{column}_{kind}" for column in names for kind in ("check", "fkey")}
        self._indexes = {f"{table}_{column}_idx": f"{table}_{column}_fkey" for column in names}

    def is_constraint(self, name: str) -> bool:
        """Whether a constraint of this name is Data Forge's."""
        return name == self._key or name in self._columns

    def is_index(self, name: str, constraints: Mapping[str, str]) -> bool:
        """Whether an index of this name is Data Forge's: it makes one beside a foreign key only."""
        return self._indexes.get(name) in constraints
