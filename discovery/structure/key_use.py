"""The use of unique columns in other tables as evidence for which one is the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from discovery.structure.inclusion import Inclusion
from discovery.structure.keys import DATES, Columns, KeyProposal
from discovery.structure.table_names import TableNames
from discovery.structure.words import is_generic, joined

Proposals = Mapping[str, Sequence[KeyProposal]]

_USED = 0.8
"""The share of another column's values that a unique column has if it is its target."""
_BELONGS = 0.2
"""The same share if the column's name is that of another table."""


def by_use(
    unique: Proposals, tables: Mapping[str, Columns], names: TableNames, inclusion: Inclusion
) -> Proposals:
    """The proposals with a higher score for each that columns of other tables refer to by its name, the best first."""
    use = _Use(unique, tables, names, inclusion)
    return {
        name: sorted((use.counted(name, p) for p in proposals), key=lambda p: -p.score)
        if len(proposals) > 1
        else proposals
        for name, proposals in unique.items()
    }


@dataclass(frozen=True)
class _Use:
    unique: Proposals
    tables: Mapping[str, Columns]
    names: TableNames
    inclusion: Inclusion

    def counted(self, table: str, proposal: KeyProposal) -> KeyProposal:
        """The proposal with the score of its use."""
        [key] = proposal.columns
        parts = self.names.column(table, key)
        dated = self.tables[table].kinds[key] in DATES
        if proposal.score < 0 or dated or is_generic(parts) or self._belongs(table, key, parts):
            return proposal
        users = sum(self._users(other, table, key, parts) for other in self.tables if other != table)
        return replace(proposal, score=proposal.score + (2 + 0.7 * min(users - 1, 3) if users else 0))

    def _belongs(self, table: str, key: str, parts: tuple[str, ...]) -> bool:
        """Whether the column refers to another table, which it names."""
        return any(
            self.inclusion.share(table, key, other, proposal.columns[0]) >= _BELONGS
            for other, proposals in self.unique.items()
            if other != table and self.names.identifies(parts, other)
            for proposal in proposals
        )

    def _users(self, other: str, table: str, key: str, parts: tuple[str, ...]) -> int:
        """The columns of another table that have the same name and values."""
        return sum(
            joined(self.names.column(other, column.name)) == joined(parts)
            and self.inclusion.share(other, column.name, table, key) >= _USED
            for column in self.tables[other].columns
            if column.present and not column.is_unique
        )
