"""Keys of tables that link the rows of others: the references that they begin with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from discovery.structure.key_roles import KeyRoles
from discovery.structure.texts import ColumnTexts, TextStore

_MANY = 1_000
"""In as many rows, chance leaves duplicates in most sets that do not form a key."""


def links(store: TextStore, roles: KeyRoles) -> tuple[str, ...] | None:
    """The two references that a table of links begins with, also where the sample has each value of one only once."""
    return _link(store, roles, roles.table.columns[:2])


def wide_links(store: TextStore, roles: KeyRoles) -> tuple[str, ...] | None:
    """The three or more references that a table of links begins with, of which a sample needs fewer."""
    first = tuple(takewhile(lambda column: column.name in roles.parents, roles.table.columns))
    return _link(store, roles, first) if len(first) > 2 and roles.table.rows < _MANY else None


def members(roles: KeyRoles) -> tuple[str, ...] | None:
    """Both columns of a table of groups and their members, also where each member is in one group."""
    if len(roles.table.columns) != 2:
        return None
    group, member = roles.table.columns
    refers = member.name in roles.parents and member.is_unique
    repeats = group.is_complete and 1 < group.distinct < roles.table.rows
    return (group.name, member.name) if refers and repeats else None


def _link(store: TextStore, roles: KeyRoles, first: Sequence[ColumnTexts]) -> tuple[str, ...] | None:
    """The first columns, if they are unique references, and the others are moments or have one value."""
    names = tuple(column.name for column in first)
    others = (c for c in roles.table.columns[len(first) :] if c.distinct > 1 and not roles.is_moment(c))
    refer = all(column.name in roles.parents and column.is_complete for column in first)
    if len(first) < 2 or not refer or any(others) or not store.is_unique(roles.table.table, names):
        return None
    return names
