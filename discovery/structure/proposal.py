"""Propose keys and references of all tables together: each is evidence for the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from discovery.structure.composite_keys import CompositeKeys
from discovery.structure.composite_references import composite_references, without_implied
from discovery.structure.inclusion import Inclusion
from discovery.structure.key_roles import KeyRoles
from discovery.structure.key_use import by_use
from discovery.structure.keys import ENOUGH, Columns, KeyProposal, single_keys
from discovery.structure.link_keys import links, members, wide_links
from discovery.structure.panels import panel_key
from discovery.structure.references import Reference, References
from discovery.structure.table_names import TableNames
from discovery.structure.texts import TextStore
from discovery.structure.unique_columns import unique_columns, unique_notes
from discovery.structure.unsupported import unsupported
from discovery.structure.wider_keys import with_own_number

_CLEAR = 2.5
"""A reference with at least this strength of name takes part in keys."""
_OWN_NAME = 5.0
"""A key with at least this score is named after its table: no link."""
_TARGETS = 3
"""The unique columns of a table that are targets of references."""


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
    names = TableNames(tuple(tables), {name: [c.name for c in t.columns] for name, t in tables.items()})
    inclusion = Inclusion(store, tables)
    search = References(tables, names, inclusion)
    unique = {name: single_keys(table, names, inclusion.range) for name, table in tables.items()}
    singles = by_use(unique, tables, names, inclusion)
    chosen = {name: next((p for p in found if p.score >= ENOUGH), None) for name, found in singles.items()}
    parents = _parents(search, singles, chosen)
    keys = {
        name: _key(CompositeKeys(store, KeyRoles(table, names, parents[name])), chosen[name])
        for name, table in tables.items()
    }
    targets = _targets(singles, keys, parents)
    references = search.propose(targets, keys)
    together = composite_references(tables, names, inclusion, keys, references)
    proposed = (*without_implied(references, together), *together)
    unique_sets = unique_columns(tables, names, unique, keys, proposed)
    notes = {
        name: (
            *unique_notes(table, unique[name], keys[name], proposed),
            *unsupported(search, targets, keys, table, proposed),
        )
        for name, table in tables.items()
    }
    return Structure(keys, proposed, unique_sets, notes)


def _parents(
    search: References,
    singles: Mapping[str, Sequence[KeyProposal]],
    chosen: Mapping[str, KeyProposal | None],
) -> Mapping[str, set[str]]:
    """The columns of each table that clearly refer to another table."""
    keys = {name: proposal.columns if proposal else None for name, proposal in chosen.items()}
    named = {name: p.columns for name, p in chosen.items() if p is not None and p.score >= _OWN_NAME}
    found = defaultdict[str, set[str]](set)
    for reference in search.propose(_targets(singles, keys, {}), named):
        if reference.name >= _CLEAR:
            found[reference.child].add(reference.column)
    return found


def _targets(
    singles: Mapping[str, Sequence[KeyProposal]],
    keys: Mapping[str, tuple[str, ...] | None],
    parents: Mapping[str, Collection[str]],
) -> dict[str, list[str]]:
    """The key of one column of each table, and its other unique columns, which do not refer to a table themselves."""
    targets = {}
    for name, found in singles.items():
        key = keys[name] or ()
        others = [p.columns[0] for p in found if p.columns != key and not p.damaged and p.score >= 0]
        others = [column for column in others if column not in parents.get(name, ())]
        if len(key) == 1:
            targets[name] = [key[0], *others[: _TARGETS - 1]]
    return targets


def _key(search: CompositeKeys, single: KeyProposal | None) -> tuple[str, ...] | None:
    store, roles = search.store, search.roles
    if single is None:
        return members(roles) or wide_links(store, roles) or search.best() or panel_key(store, roles)
    named = single.score >= _OWN_NAME
    if single.damaged and (several := search.extended(single.columns[0])):
        return several
    if not named and set(single.columns) <= set(search.parents) and (link := links(store, roles)):
        return link
    return single.columns if named else with_own_number(roles, single.columns)
