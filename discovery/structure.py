"""Propose keys and references of all tables together: each is evidence for the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from discovery.keys import Columns, KeyProposal, composite_key, link_key, single_key
from discovery.references import Reference, references
from discovery.texts import TextStore
from discovery.words import TableNames

_CLEAR = 3.0
"""A reference with at least this strength of name takes part in keys."""

_OWN_NAME = 5.0
"""A key with at least this score is named after its table: no link."""


@dataclass(frozen=True)
class Structure:
    """``keys``: the columns of each table's key, None without one. ``unique``: its further sets of unique columns.

    ``references``: each set of columns has at most one. ``notes``: evidence for what is uncertain, by table.
    """

    keys: Mapping[str, tuple[str, ...] | None]
    references: tuple[Reference, ...]
    unique: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def propose(store: TextStore, tables: Mapping[str, Columns]) -> Structure:
    """Keys and references of the tables."""
    names = TableNames(tuple(tables))
    singles = {name: single_key(table, names) for name, table in tables.items()}
    single_columns = {name: key.columns if key else None for name, key in singles.items()}
    parents = defaultdict[str, set[str]](set)
    for found in references(store, tables, single_columns, {}):
        if found.name >= _CLEAR:
            parents[found.child].add(found.column)
    keys = {name: _key(store, table, singles[name], parents[name]) for name, table in tables.items()}
    return Structure(keys, tuple(references(store, tables, keys, keys)))


def _key(
    store: TextStore, table: Columns, single: KeyProposal | None, parents: set[str]
) -> tuple[str, ...] | None:
    if single is None:
        found = composite_key(store, table, parents)
        return found.columns if found else None
    if (
        single.score < _OWN_NAME
        and set(single.columns) <= parents
        and (link := link_key(store, table, parents))
    ):
        return link.columns
    return single.columns
