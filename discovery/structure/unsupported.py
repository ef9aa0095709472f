"""References that names state and values do not support: notes with counts for a person to decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from discovery.structure.keys import Columns
from discovery.structure.pairs import Pair
from discovery.structure.references import NO_REFERENCES, Keys, Reference, References, Targets
from discovery.structure.texts import ColumnTexts
from discovery.structure.words import is_identifying

_STATED = 4
"""The least strength of a name that states a table."""


def unsupported(
    search: References, targets: Targets, keys: Keys, table: Columns, proposed: Sequence[Reference]
) -> Iterator[str]:
    """A note for each column of a table that names another one and refers to none."""
    refer = {column for one in proposed if one.child == table.table for column in one.columns}
    for column in table.columns:
        free = column.name not in {*refer, *(keys.get(table.table) or ())}
        if free and column.present and table.kinds[column.name] not in NO_REFERENCES:
            pair = _stated(search, targets, table, column)
            if pair is not None and (_identifies(search, pair) or pair.share(search.inclusion)):
                yield _note(search, pair)


def _stated(search: References, targets: Targets, table: Columns, column: ColumnTexts) -> Pair | None:
    """The table that the column's name states; of several, the one that has the most of its values."""
    found: list[tuple[float, float, int, Pair]] = []
    for name, (key, *_) in targets.items():
        parent = search.tables[name]
        pair = Pair(table, column, parent, parent.column(key))
        strength = pair.strength(search.names) if pair.is_possible else 0
        if strength >= _STATED and not pair.to_itself and not pair.is_by_plain_name(search.names):
            found.append((strength, pair.share(search.inclusion), -len(found), pair))
    best = max(found, key=lambda one: one[:3], default=None)
    return best[3] if best and best[0] > _own_strength(search, targets, table, column) else None


def _own_strength(search: References, targets: Targets, table: Columns, column: ColumnTexts) -> float:
    """How strongly the column's name points to its own table."""
    names, [key, *_] = search.names, targets.get(table.table, [""])
    return names.refers(names.column(table.table, column.name), table.table, names.column(table.table, key))


def _identifies(search: References, pair: Pair) -> bool:
    return is_identifying(search.names.column(pair.table.table, pair.column.name))


def _note(search: References, pair: Pair) -> str:
    coverage = pair.coverage(search.inclusion)
    return (
        f"{pair.column.name} may refer to {pair.parent.table}, which has {coverage.found:,} of its"
        f" {coverage.distinct:,} values: no reference is declared"
    )
