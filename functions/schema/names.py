"""Names of the constraints and indexes that Data Forge creates.

Those of one column follow a convention. A deployment records all others in the ledger (``dataforge.schema_objects``), as
PostgreSQL generates the same names for an owner's. Constraints and indexes with other names belong to the owner and are not
changed. An owner must name checks and foreign keys of one column explicitly (docs/operations.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from dataforge.tables.constraint_names import Kind, constraint_name

_KINDS: tuple[Kind, ...] = ("check", "fkey")
_ROW_KINDS: tuple[Kind, ...] = ("copies", "key")


class Convention:
    """Names of the constraints and indexes that Data Forge creates on a table with these columns.

    ``created``: names that earlier deployments recorded.
    """

    def __init__(self, table: str, columns: Iterable[str], created: Collection[str] = ()) -> None:
        names = set(columns)
        self._created = created
        self._key = constraint_name(table, (), "pkey")
        self._columns = {constraint_name(table, (column,), kind) for column in names for kind in _KINDS}
        self._indexes = {
            constraint_name(table, (column,), "idx"): constraint_name(table, (column,), "fkey")
            for column in names
        }
        self._row_indexes = {constraint_name(table, ("row",), kind) for kind in _ROW_KINDS}

    def is_constraint(self, name: str) -> bool:
        """Whether a constraint of this name is Data Forge's."""
        return name == self._key or name in self._columns or name in self._created

    def is_index(self, name: str, constraints: Mapping[str, str]) -> bool:
        """Whether an index of this name is Data Forge's. It creates indexes for foreign keys and on whole rows."""
        return name in self._row_indexes or name in self._created or self._indexes.get(name) in constraints
