"""Propose references of several columns to keys of several columns."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from discovery.structure.inclusion import Inclusion
from discovery.structure.keys import Columns
from discovery.structure.references import Keys, Reference
from discovery.structure.table_names import TableNames, stem_of
from discovery.structure.words import is_identifying, joined

_COVERED = 0.9
"""The least share of the child's combinations that the parent has."""
_MOST_OPTIONS = 4


def composite_references(
    tables: Mapping[str, Columns],
    names: TableNames,
    inclusion: Inclusion,
    keys: Keys,
    singles: Sequence[Reference],
) -> list[Reference]:
    """The references of all tables to keys of several columns."""
    return [
        Reference(child.table, columns, parent.table, key, 5.0, coverage)
        for parent in tables.values()
        if len(key := keys.get(parent.table) or ()) > 1
        if _is_entity(parent.table, key, names, own := _own(parent.table, key, singles))
        for child in tables.values()
        if child is not parent
        for columns in _options(child, parent, key, names, own)
        if _may_refer(columns, child, parent, keys, names)
        if (coverage := inclusion.coverage(child.table, columns, parent.table, key)).share >= _COVERED
    ]


def without_implied(singles: Sequence[Reference], together: Sequence[Reference]) -> list[Reference]:
    """The references of one column without those that follow from one of several columns: to the parent's parents."""
    targets = {(r.child, r.column): (r.parent, r.key) for r in singles}
    implied = {
        (reference.child, column)
        for reference in together
        if reference.enforced
        for column, key in zip(reference.columns, reference.parent_columns, strict=True)
        if targets.get((reference.child, column)) == targets.get((reference.parent, key))
    }
    return [r for r in singles if (r.child, r.column) not in implied]


def _own(table: str, key: Sequence[str], singles: Sequence[Reference]) -> frozenset[str]:
    """The columns of a key that refer to no table."""
    return frozenset(key) - {reference.column for reference in singles if reference.child == table}


def _is_entity(table: str, key: Sequence[str], names: TableNames, own: Collection[str]) -> bool:
    """Whether the rows of a table are things to refer to: a column of its key names it, its name names the columns,

    the key consists of references, or of references and a code.
    """
    parts = [names.column(table, column) for column in key]
    if any(names.identifies(column, table) for column in parts):
        return True
    if not own or (len(own) == 1 and is_identifying(names.column(table, *own))):
        return True
    subject = "".join(names.subject(table))
    return all(column and subject.find(column[0][:4]) >= 0 for column in parts)


def _options(
    child: Columns, parent: Columns, key: Sequence[str], names: TableNames, own: Collection[str]
) -> Iterator[tuple[str, ...]]:
    """The columns of the child that may refer to each column of the key, by their names."""
    candidates = [list(_candidates(child, parent, column, names, column in own)) for column in key]
    if all(candidates):
        options = itertools.islice(itertools.product(*candidates), _MOST_OPTIONS)
        yield from (option for option in options if len(set(option)) == len(option))


def _candidates(child: Columns, parent: Columns, key: str, names: TableNames, own: bool) -> Iterator[str]:
    """``own``: the column refers to no table, so that the parent's name is enough for a code."""
    parts = names.column(parent.table, key)
    if not parts:
        return
    own = names.identifies(parts, parent.table) or len(parts) < 2 or (own and is_identifying(parts))
    for column in child.columns:
        found = names.column(child.table, column.name)
        same = joined(found) == joined(parts) or (bool(found) and stem_of(found) == stem_of(parts))
        if same or (own and column.present and names.refers(found, parent.table, parts) >= 4):
            yield column.name


def _may_refer(
    columns: Collection[str], child: Columns, parent: Columns, keys: Keys, names: TableNames
) -> bool:
    """Whether kinds allow it, and the child does not describe the same things as the parent."""
    if set(keys.get(child.table) or ()) == set(columns):
        return names.extends(child.table, parent.table)
    kinds = [child.kinds[column] for column in columns]
    return None not in kinds
