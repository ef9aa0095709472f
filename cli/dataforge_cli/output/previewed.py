"""The readable result of ``dataforge preview``: the dialect with reasons, the types of the columns, and first records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dataforge.visible import visible

if TYPE_CHECKING:
    from discovery.types.column_formats import Examined

_WIDEST = 40
_NARROW = 24
_MOST_COLUMNS = 8
"""With more columns than these, each is a line."""
_RECORDS_ASIDE = 3
_ALWAYS = frozenset(["format", "encoding", "delimiter", "quote", "header"])
_NOTHING = (None, 0, [""], "", ())
_CONFIDENCE = (
    (0.3, "sure"),
    (0.05, "probable: check the records"),
    (0.0, "a guess: another delimiter fits as well"),
)


@dataclass(frozen=True)
class About:
    """How a file is written: its parts with the reasons, and the line that declares it."""

    dialect: Mapping[str, Any]
    sure: float
    reasons: Mapping[str, str]
    declaration: str
    examined: Examined | None = None


def preview_parts(
    about: About, header: Sequence[str], records: Sequence[Sequence[str | None]]
) -> Iterator[Any]:
    """The parts of the result."""
    yield _dialect_table(about)
    if len(header) > _MOST_COLUMNS:
        yield _columns_table(about, header, records[:_RECORDS_ASIDE])
    else:
        if about.examined is not None:
            yield _columns_table(about, header, [])
        yield _records_table(header, records)
    if about.examined is not None:
        yield Text(_examined(about.examined))
    yield Text(about.declaration)


def _dialect_table(about: About) -> Table:
    """The parts that a reason explains, and those that differ from the default."""
    table = Table("part", "value", "reason", box=SIMPLE_HEAD, pad_edge=False)
    for name, value in about.dialect.items():
        if name in about.reasons or name in _ALWAYS or value not in _NOTHING:
            table.add_row(name, Text(repr(value)), Text(about.reasons.get(name, "")))
    word = next(word for least, word in _CONFIDENCE if about.sure >= least)
    table.add_row("confidence", f"{about.sure:.2f}", f"distance to the next best dialect (0 to 1): {word}")
    return table


def _columns_table(about: About, header: Sequence[str], records: Sequence[Sequence[str | None]]) -> Table:
    """The columns with their types, and the first records beside them."""
    numbers = [f"record {number}" for number, _ in enumerate(records, 1)]
    table = Table("column", "type", "values", "note", *numbers, box=SIMPLE_HEAD, pad_edge=False)
    table.columns[2].justify = "right"
    found = about.examined.columns if about.examined is not None else ()
    for place, name in enumerate(header):
        values = [Text(_cut(record[place] or "", _NARROW)) for record in records]
        about_type = ("", "", "")
        if found:
            column = found[place]
            nulls = f"NULL: {', '.join(column.nulls)}" if column.nulls else ""
            about_type = (column.type, f"{column.present:,}", "; ".join(filter(None, [nulls, column.note])))
        table.add_row(Text(_cut(name, _WIDEST)), *map(Text, about_type), *values)
    return table


def _records_table(header: Sequence[str], records: Sequence[Sequence[str | None]]) -> Table:
    rows = Table(header_style="bold")
    for name in header:
        rows.add_column(Text(_cut(name, _WIDEST)))
    for record in records:
        rows.add_row(*(Text(_cut(text or "", _WIDEST)) for text in record))
    return rows


def _examined(examined: Examined) -> str:
    records = f"{examined.records:,} {'record' if examined.records == 1 else 'records'}"
    unread = f"; {examined.unread:,} others cannot be read (--all lists them)" if examined.unread else ""
    return f"The types are those of the first {records}{unread}."


def _cut(text: str, widest: int) -> str:
    line = visible(text.replace("\r", " ").replace("\n", " ").replace("\t", " "))
    return line if len(line) <= widest else f"{line[: widest - 1]}…"
