"""Read references and unique constraints from row models, and refuse those that PostgreSQL cannot have.

Every function raises ``ValueError`` with the mistake and a hint; ``dataforge.tables.modules`` adds dataset and table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dataforge.errors.nearest import did_you_mean
from dataforge.tables.catalogue import Column, ForeignKey, Table, UniqueKey
from dataforge.tables.circles import circles
from dataforge.tables.columns import References, Unique
from dataforge.tables.constraint_names import constraint_name
from dataforge.tables.fields import markers
from dataforge.tables.keys import primary_key
from dataforge.tables.row import Row


@dataclass(frozen=True)
class Target:
    """The names of a table that references may use: its columns, its key, and its unique constraints."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    uniques: tuple[UniqueKey, ...]

    @property
    def candidates(self) -> list[tuple[str, ...]]:
        """The lists of columns that a reference may name."""
        return [columns for columns in (self.key, *(unique.columns for unique in self.uniques)) if columns]


def read_target(model: type[Row], columns: Sequence[Column]) -> Target:
    """The columns, key and unique constraints of a row model."""
    names = tuple(column.name for column in columns)
    return Target(names, primary_key(model, columns), tuple(_uniques(model)))


def _uniques(model: type[Row]) -> Iterator[UniqueKey]:
    fields = model.__pydantic_fields__
    marked = [(n,) for n, f in fields.items() if any(isinstance(m, Unique) for m in markers(f))]
    seen: set[frozenset[str]] = set()
    for columns in (*marked, *model.__unique__):
        _require_columns("unique", columns, tuple(fields))
        if frozenset(columns) in seen:
            raise ValueError(f"unique ({', '.join(columns)}) is declared twice; remove one")
        seen.add(frozenset(columns))
        yield UniqueKey(constraint_name(model.__table_name__, columns, "key"), columns)


def read_references(model: type[Row], targets: Mapping[str, Target]) -> Iterator[ForeignKey]:
    """The references of a row model. ``targets``: those of all tables of the dataset."""
    names: set[str] = set()
    for declared in _declared(model):
        what = ", ".join(declared.own)
        parent = targets.get(declared.table)
        if parent is None:
            raise ValueError(
                f"column {what} references {declared.table!r}, which is not a table of this dataset"
                f"{did_you_mean(declared.table, targets)}. Its tables: {', '.join(targets)}"
            )
        wanted = _wanted(declared, parent)
        name = constraint_name(model.__table_name__, declared.own, "fkey")
        if name in names:
            name = _numbered(name, names)
        names.add(name)
        yield ForeignKey(name, declared.own, declared.table, wanted, declared.enforced)


def _declared(model: type[Row]) -> Iterator[References]:
    """The references of markers, with their column, and those of the class."""
    for column, info in model.__pydantic_fields__.items():
        marked = [m for m in markers(info) if isinstance(m, References)]
        if len(marked) > 1:
            raise ValueError(
                f"column {column} references several tables; declare the others with the class keyword "
                f"references=(References({marked[1].table!r}, columns=({column!r},)),)"
            )
        for reference in marked:
            if reference.own:
                raise ValueError(
                    f"column {column} has References with columns=…; remove them, or declare the reference with the class "
                    "keyword references=(…,)"
                )
            yield replace(reference, columns=(column,))
    for reference in model.__references__:
        if not reference.own:
            raise ValueError(
                f"references: References({reference.table!r}) names no columns; add columns=('…',)"
            )
        _require_columns(
            f"the reference to {reference.table!r}", reference.own, tuple(model.__pydantic_fields__)
        )
        yield reference


def _wanted(declared: References, parent: Target) -> tuple[str, ...]:
    """The columns of the parent: those declared, or else its key."""
    what = f"column {', '.join(declared.own)} references {declared.table!r}"
    if not parent.candidates:
        raise ValueError(
            f"{what}, which has no key; mark a column of it with Key() or Unique(), or remove the reference"
        )
    wanted = declared.target or parent.key
    if not wanted:
        raise ValueError(
            f"{what}, which has no key; name its columns with to=…: {_listed(parent.candidates)}"
        )
    _require_columns(f"the reference to {declared.table!r}", wanted, parent.columns)
    allowed = f"of its columns, a reference may name {_listed(parent.candidates)}"
    if set(wanted) not in map(set, parent.candidates):
        raise ValueError(
            f"{what} ({', '.join(wanted)}), which is neither its key nor unique; {allowed}: "
            "name one of them with to=…, or declare the columns unique"
        )
    if len(wanted) != len(declared.own):
        raise ValueError(
            f"{what}, whose key is {', '.join(wanted)}: {len(declared.own)} and {len(wanted)} columns; {allowed}: "
            "name as many columns with the class keyword references=(References(…, columns=(…), to=(…)),)"
        )
    return wanted


def _listed(candidates: Iterable[Sequence[str]]) -> str:
    return " or ".join(f"({', '.join(columns)})" for columns in candidates)


def _require_columns(what: str, columns: Sequence[str], known: tuple[str, ...]) -> None:
    for column in columns:
        if column not in known:
            raise ValueError(
                f"{what} names {column!r}, which is not a column{did_you_mean(column, known)}. "
                f"The columns: {', '.join(known)}"
            )
    if len(set(columns)) < len(columns) or not columns:
        raise ValueError(f"{what} must name each column once: ({', '.join(columns)})")


def _numbered(name: str, taken: set[str]) -> str:
    """As PostgreSQL names a second foreign key of the same columns."""
    number = 1
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"


def mark_circles(tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables, with the foreign keys of circles marked as deferrable."""
    found = circles({name: [key.parent for key in table.foreign_keys] for name, table in tables.items()})
    return {
        name: replace(
            table,
            references=tuple(
                replace(key, deferrable=key.enforced and key.parent in found[name])
                for key in table.references
            ),
        )
        for name, table in tables.items()
    }
