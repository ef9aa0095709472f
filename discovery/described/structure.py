"""Keys, unique constraints and references: those that are described, unless the rows contradict them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from discovery.described.description import DescribedReference, DescribedTable
from discovery.described.matching import columns_of
from discovery.described.types import TOLERATED
from discovery.structure.proposal import Structure
from discovery.structure.references import Reference
from discovery.structure.texts import TextStore

_CERTAIN = 5.0
"""The strength of name of a described reference."""


@dataclass(frozen=True)
class Described:
    """A described table among the drafts. ``headers``: of its files, by the described column."""

    table: DescribedTable
    headers: Mapping[str, str]

    @classmethod
    def of_header(cls, table: DescribedTable, header: Iterable[str]) -> Described:
        """The table with the headers of its columns."""
        return cls(table, {c.name: name for name, c in columns_of(table, header).items()})

    def of(self, columns: Iterable[str]) -> tuple[str, ...] | None:
        """The headers of columns; None if the files lack one."""
        by_case = {name.lower(): header for name, header in self.headers.items()}
        found = [self.headers.get(column) or by_case.get(column.lower()) for column in columns]
        return None if None in found else tuple(filter(None, found))


def with_described(store: TextStore, found: Structure, tables: Mapping[str, Described]) -> Structure:
    """The proposed structure in which described parts replace proposed ones. ``tables``: by the names of the drafts."""
    if not tables:
        return found
    # Evidence for other keys is of no use beside a described one.
    keyed = {name for name, table in tables.items() if table.table.key}
    notes = defaultdict(list, {name: list(texts) for name, texts in found.notes.items() if name not in keyed})
    keys = {**found.keys, **dict(_keys(store, found, tables, notes))}
    unique = {**found.unique, **{name: _unique(store, name, t, notes) for name, t in tables.items()}}
    unique = {name: tuple(u for u in sets if u != keys.get(name)) for name, sets in unique.items()}
    references = _references(store, found, tables, Structure(keys, (), unique), notes)
    return replace(
        found,
        keys=keys,
        unique=unique,
        references=tuple(references),
        notes={name: tuple(texts) for name, texts in notes.items()},
    )


Notes = defaultdict[str, list[str]]


def _keys(
    store: TextStore, found: Structure, tables: Mapping[str, Described], notes: Notes
) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """The keys of described tables. A description with keys is complete: its other tables have none."""
    complete = {t.table.source for t in tables.values() if t.table.key}
    for name, table in tables.items():
        key = table.of(table.table.key)
        if key:
            yield name, key if _is_unique(store, name, key, "key", notes) else None
        elif table.table.source not in complete:
            yield name, found.keys[name]
        else:
            yield name, None


def _unique(store: TextStore, name: str, table: Described, notes: Notes) -> tuple[tuple[str, ...], ...]:
    sets = [headers for columns in table.table.unique if (headers := table.of(columns))]
    return tuple(columns for columns in sets if _is_unique(store, name, columns, "unique", notes))


def _is_unique(store: TextStore, table: str, columns: tuple[str, ...], kind: str, notes: Notes) -> bool:
    """Whether the rows have different values."""
    rows, same = store.rows(table), store.repeated(table, columns)
    named = ", ".join(columns)
    if same:
        word = "key" if kind == "key" else "unique columns"
        notes[table].append(f"{same:,} of {rows:,} rows repeat the described {word} ({named})")
    return same <= TOLERATED * rows


def _references(
    store: TextStore, found: Structure, tables: Mapping[str, Described], own: Structure, notes: Notes
) -> Iterator[Reference]:
    """References of described tables. A description with references is complete, as with keys."""
    complete = {t.table.source for t in tables.values() if t.table.references}
    for reference in found.references:
        table = tables.get(reference.child)
        if (table is None or table.table.source not in complete) and _is_referable(reference, own):
            yield reference
    drafts = {t.table.name.lower(): name for name, t in tables.items()}
    for name, table in tables.items():
        for one in table.table.references:
            parent = drafts.get(one.parent.lower())
            if parent is None:
                notes[name].append(f"the described reference to {one.parent} is not used: it has no files")
                continue
            found_one = _reference(store, name, table, parent, tables[parent], one)
            if found_one is not None and _is_referable(found_one, own):
                yield found_one
            else:
                columns = ", ".join(one.columns)
                notes[name].append(f"the described reference ({columns}) to {one.parent} is not used")


def _is_referable(reference: Reference, own: Structure) -> bool:
    """Whether the columns of the parent are its key or unique."""
    wanted = set(reference.parent_columns)
    sets = [own.keys.get(reference.parent) or (), *own.unique.get(reference.parent, ())]
    return any(set(columns) == wanted for columns in sets)


def _reference(
    store: TextStore,
    child: str,
    table: Described,
    parent: str,
    other: Described,
    described_as: DescribedReference,
) -> Reference | None:
    columns = table.of(described_as.columns)
    keys = other.of(described_as.parent_columns or other.table.key)
    if not columns or not keys or len(columns) != len(keys):
        return None
    coverage = store.coverage(child, columns, parent, keys)
    return Reference(child, columns, parent, keys, _CERTAIN, coverage)
