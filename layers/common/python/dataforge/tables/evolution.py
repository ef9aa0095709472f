"""Refuse declarations about former names and removed columns that contradict the declared tables.

Every function raises ``ValueError`` with the mistake and a hint; ``dataforge.tables.modules`` adds dataset and table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dataforge.errors.nearest import did_you_mean
from dataforge.tables.catalogue import Column, Table
from dataforge.tables.names import IDENTIFIER_BYTES
from dataforge.tables.row import Evolution


def refuse_evolution(evolution: Evolution, table: str, columns: Sequence[Column]) -> None:
    """Refuse former names and removed or narrowed columns that cannot be meant."""
    declared = {column.name for column in columns}
    _refuse_form("renamed", [evolution.renamed] if evolution.renamed else [])
    _refuse_form("removed", evolution.removed)
    _refuse_form("narrowed", evolution.narrowed)
    if evolution.renamed == table:
        raise ValueError(f"renamed={table!r} is the table's own name; write the former name, or remove it")
    for name in evolution.removed:
        if name in declared:
            raise ValueError(f"removed names {name!r}, which is a column of the table; remove one of both")
    for name in evolution.narrowed:
        if name not in declared:
            known = ", ".join(column.name for column in columns)
            meant = did_you_mean(name, declared)
            raise ValueError(
                f"narrowed names {name!r}, which is not a column of the table{meant}. Columns: {known}"
            )
    _refuse_former_columns(columns, evolution)


def _refuse_former_columns(columns: Iterable[Column], evolution: Evolution) -> None:
    former = {column.name: column.renamed for column in columns if column.renamed}
    _refuse_form("Renamed", former.values())
    for name, old in former.items():
        if name == old:
            raise ValueError(f"column {name} is Renamed({old!r}), its own name; write its former name")
        if old in evolution.removed:
            raise ValueError(f"{old!r} is both removed and the former name of {name}; remove one of both")
    twice = [old for old, times in Counter(former.values()).items() if times > 1]
    if twice:
        raise ValueError(f"two columns are Renamed({twice[0]!r}); a column can become one column only")


def _refuse_form(word: str, names: Iterable[Any]) -> None:
    for name in names:
        if not isinstance(name, str) or not name or "\0" in name or len(name.encode()) > IDENTIFIER_BYTES:
            raise ValueError(
                f"{word} has {name!r}, which is not a name; write names of at most {IDENTIFIER_BYTES} bytes in quotes"
            )


def read_removed_tables(names: Any, tables: Mapping[str, Table]) -> tuple[str, ...]:
    """The module's ``REMOVED``. Refuses declared tables and what is not a name."""
    if not isinstance(names, str | tuple | list):
        raise ValueError('REMOVED is not a tuple of names; write REMOVED = ("old_table",)')  # noqa: TRY004  as all declaration errors
    removed = (names,) if isinstance(names, str) else tuple(names)
    _refuse_form("REMOVED", removed)
    for name in removed:
        if name in tables:
            raise ValueError(f"REMOVED names {name!r}, which a class declares; remove one of both")
    return removed


def refuse_former_tables(tables: Mapping[str, Table], removed: Sequence[str]) -> None:
    """Refuse two tables with one former name, and a former name that is removed."""
    former = {table.name: table.evolution.renamed for table in tables.values() if table.evolution.renamed}
    for name, old in former.items():
        if old in removed:
            raise ValueError(f"{old!r} is in REMOVED and is the former name of {name}; remove one of both")
    twice = [old for old, times in Counter(former.values()).items() if times > 1]
    if twice:
        raise ValueError(f"two tables have renamed={twice[0]!r}; a table can become one table only")
