"""The values of a published file, read without Data Forge: by Python's csv and a few lines for each type.

Values are compared in a normal form, in which the file's text and the delivered JSON of one value are equal.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from dataforge.formats.dialect import Csv
from dataforge.tables.catalogue import Column, Dataset, Table
from dataforge.tables.types.numbers import WholeNumber

_US_DATE = re.compile(r"\d{1,2}/\d{1,2}/\d{2}")
_TRUE = {"1", "y", "t", "true"}


def records(body: bytes, dialect: Csv) -> list[list[str]]:
    """The records of a file without its header. A backslash escapes only a quote or a backslash."""
    text = body.decode("utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding)
    if dialect.escape:
        text = re.sub(r"\\(?![\"\\])", r"\\\\", text)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=str(dialect.delimiter),
        quotechar=dialect.quote,
        escapechar=dialect.escape,
    )
    rows = [row for row in reader if row]
    return rows[dialect.header :]


def header(body: bytes, dialect: Csv) -> list[str]:
    """The file's header."""
    text = body.decode("utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding)
    return next(csv.reader(io.StringIO(text, newline="")))


def in_files(dataset: Dataset, table: Table, body: bytes) -> Counter[tuple[Any, ...]]:
    """The normal forms of the well-formed records of a table's file, in the order of the columns."""
    source = next(s for s in dataset.sources if s.tables == (table.name,))
    rows, names = records(body, source.dialect), list(table.column_names)
    if source.dialect.header:
        by_header = {h.casefold(): c.name for c in table.columns for h in c.header.names or (c.name,)}
        names = [by_header[h.casefold()] for h in header(body, source.dialect)]
    nulls = set(source.dialect.null) | {""}
    return Counter(
        normal_row(table, dict(zip(names, row, strict=True)), nulls)
        for row in rows
        if len(row) == len(table.columns)
    )


def delivered(table: Table, rows: Iterable[Mapping[str, Any]]) -> Counter[tuple[Any, ...]]:
    """The normal forms of delivered records."""
    return Counter(normal_row(table, row, set()) for row in rows)


def normal_row(table: Table, row: Mapping[str, Any], nulls: set[str]) -> tuple[Any, ...]:
    """The normal forms of a row's values, in the order of the columns."""
    return tuple(normal(column, row[column.name], nulls) for column in table.columns)


def normal(column: Column, value: Any, nulls: set[str]) -> Any:
    """The normal form of one value: of a file, or as delivered."""
    if value is None or (isinstance(value, str) and value.strip() in {*nulls, *_nulls_of(column)}):
        return None
    if isinstance(column.type, WholeNumber):
        return int(Decimal(str(value)))
    if column.type.name in _NORMAL:
        return _NORMAL[column.type.name](value)
    text = str(value).strip()
    return text.upper() if column.clean and column.clean.upper else text


def _nulls_of(column: Column) -> tuple[str, ...]:
    return column.format.null if column.format else ()


def _moment(text: str) -> str:
    """The digits of a date or time, without a fraction of zeros and without UTC."""
    text = text.strip()
    if _US_DATE.fullmatch(text):
        month, day, year = map(int, text.split("/"))
        text = date(year + (2000 if year < 30 else 1900), month, day).isoformat()
    return re.sub(r"\D", "", re.sub(r"( UTC|Z|\+00:00)$", "", re.sub(r"\.0+$", "", text)))


def _seconds(text: str) -> Decimal:
    """A time in seconds: hours, minutes and seconds, as many as there are."""
    total = Decimal(0)
    for part in text.strip().lstrip("+").split(":"):
        total = total * 60 + Decimal(part)
    return total


_NORMAL: dict[str, Callable[[Any], Any]] = {
    "numeric": lambda value: Decimal(str(value)),
    "real": float,
    "double": float,
    "boolean": lambda value: value if isinstance(value, bool) else value.casefold() in _TRUE,
    **dict.fromkeys(("date", "time", "timestamp", "timestamptz"), _moment),
    "interval": _seconds,
    "uuid": lambda value: value.replace("-", "").casefold(),
    "bytea": lambda value: re.sub(r"^(0x|\\x)", "", value).casefold(),
    "array": lambda value: tuple(value.split() if isinstance(value, str) else value),
}
"""The normal forms of the values of a type."""


def read_counts(readme: str, name: str) -> Iterator[tuple[str, int]]:
    """The files of a set and their numbers of records, as the README states them."""
    section = readme.partition(f"## {name}\n")[2].partition("\n## ")[0]
    for file, rows in re.findall(r"([\w.-]+\.\w+) ([\d,]+)x\d+", section):
        yield file, int(rows.replace(",", ""))
