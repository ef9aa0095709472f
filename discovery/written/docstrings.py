"""Docstrings of a written module: what a row is, how many there are, and the years of the dates."""

from __future__ import annotations

from pathlib import PurePosixPath

from discovery.drafts import DatasetDraft, TableDraft, is_numbered
from discovery.structure.vocabulary import IDENTIFYING
from discovery.structure.words import singular, words
from discovery.written.comments import WIDTH, paragraphs, plain

_DATES_SHOWN = 3
_QUOTES = 10
"""The indentation and the quotes of a docstring."""
_SHORT = 2
"""The most words of a table's name that describes a row."""
_PREFIX = 2
"""The most letters of a prefix of columns that abbreviates the table's name."""
_PERIODS = frozenset(["date", "day", "week", "month", "quarter", "year", "hour", "time"])
_GENERIC = frozenset(["name", "title", "row", "record", "index"])


def of_dataset(draft: DatasetDraft) -> str:
    """The docstring of the module."""
    rows, files = sum(table.rows for table in draft.tables), sum(len(table.paths) for table in draft.tables)
    found = f"{_counted(rows, 'row')} from {_counted(files, 'file')}" if files else _counted(rows, "row")
    drafted = (
        f"Drafted by `dataforge init` from the folder {plain(draft.folder)}. A comment states what the files suggest and do"
        " not prove; delete it once you have decided."
    )
    return paragraphs(f"The dataset {draft.name}: {found}.", drafted, *map(plain, draft.notes))


def of_table(table: TableDraft) -> str:
    """The docstring of a class, in one line if it fits."""
    meaning, origin = _meaning(table), f"{_origin(table)}{_period(table)}."
    line = f"{meaning}: {origin}"
    texts = (line,) if len(line) <= WIDTH - _QUOTES else (f"{meaning}.", origin)
    return paragraphs(*texts, indent="    ")


def _meaning(table: TableDraft) -> str:
    """The meaning of one row, as far as the names show it."""
    if not table.key:
        return "Rows without a key"
    things = list(dict.fromkeys(_thing(name, table) for name in table.key))
    return f"One row for each {plain(_listed(things))}"


def _thing(column: str, table: TableDraft) -> str:
    """The thing that a column of the key identifies: ``order_id`` an order, ``id`` that of the table's name."""
    if is_numbered(column) and len(table.key) > 1:
        return column
    subject = words(table.name)
    *first, last = subject if is_numbered(column) else _without_prefix(column, table)
    is_named = last in IDENTIFYING and bool(first)
    parts = first if is_named else [*first, last]
    if len(table.key) == 1 and _says_less(parts, subject, is_named=is_named):
        parts = list(subject)
    return " ".join([*parts[:-1], singular(parts[-1])])


def _without_prefix(column: str, table: TableDraft) -> tuple[str, ...]:
    """The words of a column without the letters with which all columns begin: ``c`` of ``c_custkey`` and ``c_name``."""
    first, *others = words(column) or (column,)
    shared = all(words(one.name)[:1] == (first,) for one in table.columns)
    is_prefix = shared and len(first) <= _PREFIX and len(table.columns) > 2
    return tuple(others) if others and is_prefix else (first, *others)


def _says_less(parts: list[str], subject: tuple[str, ...], *, is_named: bool) -> bool:
    """Whether the table's name describes a row better than its key does: ``tailnum`` of planes, ``cat_id`` of categories."""
    if {*parts} <= IDENTIFYING | _GENERIC:
        return True
    own = {singular(word) for word in subject}
    if is_named:
        return len(parts) == 1 and parts[0] not in own and any(word.startswith(parts[0]) for word in own)
    return len(subject) <= _SHORT and singular(parts[-1]) not in own | _PERIODS


def _origin(table: TableDraft) -> str:
    rows = _counted(table.rows, "row")
    if len(table.paths) <= 1:
        return f"{rows} from {plain(table.paths[0] if table.paths else table.file)}"
    first, last = (PurePosixPath(path).name for path in (table.paths[0], table.paths[-1]))
    return f"{rows} from {len(table.paths):,} files, {plain(first)} to {plain(last)}"


def _period(table: TableDraft) -> str:
    """The years of the dates: a day could be the value of a record."""
    columns: dict[tuple[str, str], list[str]] = {}
    for column in table.columns:
        if column.years is not None:
            columns.setdefault(column.years, []).append(column.name)
    periods = [f"{_listed(names[:_DATES_SHOWN])} {_years(*found)}" for found, names in columns.items()]
    return f"; {', '.join(periods[:_DATES_SHOWN])}" if periods else ""


def _years(first: str, last: str) -> str:
    return f"in {first}" if first == last else f"from {first} to {last}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(things: list[str]) -> str:
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
