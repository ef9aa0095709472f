"""Schemas in a short notation, and random rows for them.

A table is a line ``name rows: column | column | …``. A column is ``name kind``, with ``*`` after the name for a part of
the key and ``?`` after the kind for NULL in some rows. ``-> table`` is a reference to the table's key, ``->!`` one with
orphans, and ``=> table.column`` a part of a reference of several columns.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Row = dict[str, str | None]
_WORDS = [
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "inlet",
    "jetty",
    "knoll",
    "ledge",
    "mesa",
    "notch",
    "oasis",
    "prairie",
]


@dataclass(frozen=True)
class ColumnSpec:
    """A column: its kind, or the table (and column) to which it refers."""

    name: str
    kind: str
    is_key: bool
    is_optional: bool
    parent: str = ""
    parent_column: str = ""
    has_orphans: bool = False


@dataclass(frozen=True)
class TableSpec:
    """A table, with the number of its rows."""

    name: str
    rows: int
    columns: tuple[ColumnSpec, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the key; none for a table without one."""
        return tuple(column.name for column in self.columns if column.is_key)

    @property
    def references(self) -> set[tuple[str, str]]:
        """The columns that refer, with their parents."""
        return {(column.name, column.parent) for column in self.columns if column.parent}


def parsed(text: str) -> tuple[TableSpec, ...]:
    """The tables of a schema."""
    return tuple(_table(line) for line in text.strip().splitlines())


def _table(line: str) -> TableSpec:
    head, _, body = line.partition(":")
    name, rows = head.split()
    return TableSpec(name, int(rows), tuple(_column(part.strip()) for part in body.split("|")))


def _column(text: str) -> ColumnSpec:
    name, _, kind = text.partition(" ")
    optional, kind = kind.endswith("?"), kind.strip().rstrip("?")
    sign, _, target = kind.partition(" ")
    parent, _, column = target.partition(".")
    if sign in {"->", "->!", "=>"}:
        return ColumnSpec(name.rstrip("*"), sign, name.endswith("*"), optional, parent, column, sign == "->!")
    return ColumnSpec(name.rstrip("*"), kind, name.endswith("*"), optional)


def generated(tables: tuple[TableSpec, ...], seed: int) -> dict[str, list[Row]]:
    """Random rows for all tables, in the order of the schema; circles refer to tables further down."""
    random_ = random.Random(seed)
    found: dict[str, list[Row]] = {}
    later: dict[str, list[str]] = {}
    for table in tables:
        later[table.name] = _numbers(table, later, random_)
    for table in tables:
        found[table.name] = _rows(table, found, later, random_)
    return found


def _numbers(table: TableSpec, later: Mapping[str, list[str]], random_: random.Random) -> list[str]:
    """The values of a key of one column, known before the rows are."""
    if len(table.key) != 1:
        return []
    [key] = [column for column in table.columns if column.is_key]
    if key.parent:
        values = later[key.parent]
        return random_.sample(values, min(table.rows, len(values)))
    kind, _, argument = key.kind.partition(":")
    if kind == "seq":
        return [str(n) for n in range(1, table.rows + 1)]
    if kind == "gaps":
        return [str(n) for n in sorted(random_.sample(range(1000, 1000 + 4 * table.rows), table.rows))]
    made: dict[str, None] = {}
    while len(made) < table.rows:
        made[_KINDS[kind](random_, *filter(None, [argument]))] = None
    return list(made)


def _rows(
    table: TableSpec,
    found: Mapping[str, list[Row]],
    later: Mapping[str, list[str]],
    random_: random.Random,
) -> list[Row]:
    rows: list[Row] = []
    seen: set[tuple[str | None, ...]] = set()
    counts: dict[tuple[str | None, ...], int] = {}
    tries = 0
    size = len(later[table.name]) or table.rows
    while len(rows) < size and tries < 4 * table.rows:
        tries += 1
        row: Row = {}
        together: dict[str, Row] = {}
        for column in table.columns:
            row[column.name] = _value(column, table, row, len(rows), found, later, together, random_)
        for column in table.columns:
            if column.kind == "line":
                group = tuple(row[name] for name in table.key if name != column.name)
                counts[group] = counts.get(group, 0) + 1
                row[column.name] = str(counts[group])
        key = tuple(row[name] for name in table.key)
        if not key or key not in seen:
            seen.add(key)
            rows.append(row)
    return rows


def _value(
    column: ColumnSpec,
    table: TableSpec,
    row: Row,
    number: int,
    found: Mapping[str, list[Row]],
    later: Mapping[str, list[str]],
    together: dict[str, Row],
    random_: random.Random,
) -> str | None:
    if column.is_optional and random_.random() < 0.25:
        return None
    if column.kind == "=>":
        if column.parent not in together:
            together[column.parent] = random_.choice(found[column.parent])
        return together[column.parent][column.parent_column]
    if column.parent:
        if column.has_orphans and random_.random() < 0.03:
            return str(10**7 + random_.randrange(10**6))
        if table.key == (column.name,):
            return later[table.name][number]
        values = later[column.parent]
        if column.parent == table.name:
            return random_.choice(values[:number]) if number else None
        return values[int(len(values) * random_.random() ** 1.4)]
    if column.is_key and len(table.key) == 1:
        return later[table.name][number]
    if column.kind in {"seq", "line"}:
        return str(number + 1)
    return _KINDS[column.kind.partition(":")[0]](random_, *column.kind.split(":")[1:])


def _code(random_: random.Random, size: str = "3") -> str:
    return "".join(random_.choices(string.ascii_uppercase, k=int(size)))


def _moment(random_: random.Random, form: str) -> str:
    return (
        datetime(2019, 1, 1, tzinfo=UTC) + timedelta(seconds=random_.randrange(5 * 365 * 86_400))
    ).strftime(form)


def _text(random_: random.Random, words: int) -> str:
    return " ".join(random_.choices(_WORDS, k=words)).capitalize() + f" {random_.randrange(3_000)}"


_KINDS: dict[str, Callable[..., str]] = {
    "seq": lambda r: str(r.randrange(1, 10_000)),
    "gaps": lambda r: str(r.randrange(1000, 50_000)),
    "int": lambda r, most="100": str(r.randrange(int(most))),
    "big": lambda r: str(r.randrange(10_000_000)),
    "price": lambda r: f"{r.randrange(1, 50_000) / 100:.2f}",
    "name": lambda r: f"{r.choice(_WORDS).capitalize()} {r.choice(_WORDS).capitalize()}{r.randrange(900)}",
    "text": lambda r: _text(r, 8),
    "title": lambda r: _text(r, 3),
    "word": lambda r: r.choice(_WORDS),
    "code": _code,
    "digits": lambda r, size="5": "".join(r.choices(string.digits, k=int(size))),
    "hex": lambda r: f"{r.getrandbits(128):032x}",
    "email": lambda r: f"{r.choice(_WORDS)}{r.randrange(10**6)}@example.org",
    "date": lambda r: _moment(r, "%Y-%m-%d"),
    "ts": lambda r: _moment(r, "%Y-%m-%d %H:%M:%S"),
    "year": lambda r: str(r.randrange(1990, 2025)),
    "bool": lambda r: str(r.randrange(2)),
    "enum": lambda r, values="a/b/c": r.choice(values.split("/")),
    "lat": lambda r: f"{r.uniform(-60, 60):.5f}",
    "lon": lambda r: f"{r.uniform(-180, 180):.5f}",
}
