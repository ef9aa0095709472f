"""The catalogue: datasets, tables and columns, derived from row models.

A row model is the only description of a table. The ``Row`` subclasses in a module of ``datasets`` are a dataset, which is a
PostgreSQL schema of the same name. This module does not access a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dataforge.errors import UnknownTable
from dataforge.files.names import is_csv, is_json_lines
from dataforge.formats.dialect import STANDARD, Csv
from dataforge.formats.headers import Headers
from dataforge.tables.checks import TableCheck, read_checks
from dataforge.tables.circles import circles
from dataforge.tables.cleaning import Clean
from dataforge.tables.columns import Header
from dataforge.tables.constraint_names import constraint_name
from dataforge.tables.fields import ColumnRule
from dataforge.tables.row import Evolution, Row
from dataforge.tables.types.base import ColumnType
from dataforge.tables.value_formats import Format


@dataclass(frozen=True)
class Column:
    """One column: its name, storage type, nullability, cleaning and the constraints of its rule."""

    name: str
    type: ColumnType
    nullable: bool
    clean: Clean | None
    rule: ColumnRule
    description: str
    header: Header = field(default_factory=Header)
    format: Format | None = None
    renamed: str = ""
    identity: bool = False


@dataclass(frozen=True)
class ForeignKey:
    """A reference: ``columns`` have the values of ``parent_columns`` in a row of ``parent``, a table of the same dataset.

    As in PostgreSQL (MATCH SIMPLE), a row with a NULL in one of the columns references nothing. Without ``enforced``,
    PostgreSQL has no constraint, and rows without a parent are stored.
    """

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    enforced: bool = True
    deferrable: bool = False
    """Whether it is part of a circle of references, so that it must be checked after several statements."""

    @property
    def column(self) -> str | None:
        """The column, if it is the only one."""
        return self.columns[0] if len(self.columns) == 1 else None


@dataclass(frozen=True)
class UniqueKey:
    """A unique constraint. As in PostgreSQL, rows with a NULL in one of the columns differ from all others."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table; columns and key are in the model's order.

    ``key``: the columns of the primary key. It is empty if the table has none; then rows are compared as a whole.
    """

    dataset: str
    name: str
    model: type[Row]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[ForeignKey, ...]
    uniques: tuple[UniqueKey, ...] = ()

    @cached_property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """The references that PostgreSQL enforces."""
        return tuple(reference for reference in self.references if reference.enforced)

    @cached_property
    def identity_column(self) -> str | None:
        """The column whose omitted values PostgreSQL generates."""
        return next((column.name for column in self.columns if column.identity), None)

    @cached_property
    def checks(self) -> tuple[TableCheck, ...]:
        """The conditions on several columns. Raises ``ValueError`` for a wrong declaration."""
        return read_checks(self.name, self.model.__checks__, {c.name: c.type for c in self.columns})

    @property
    def evolution(self) -> Evolution:
        """Permitted changes of the table although it has rows."""
        return self.model.__evolution__

    @cached_property
    def circular_keys(self) -> tuple[ForeignKey, ...]:
        """The foreign keys that are part of a circle, which can be checked after several statements."""
        return tuple(key for key in self.foreign_keys if key.deferrable)

    @cached_property
    def other_keys(self) -> tuple[ForeignKey, ...]:
        """The foreign keys to tables that never reference this one: their parents are stored first."""
        return tuple(key for key in self.foreign_keys if not key.deferrable)

    @property
    def file(self) -> str | None:
        """The name of the table's CSV, or None if its rows come from a file of several tables."""
        return self.model.__file_name__

    @property
    def description(self) -> str:
        """The model's docstring."""
        return (self.model.__doc__ or "").strip()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def columns_are_independent(self) -> bool:
        """Whether validating each value validates the row: no column is derived from others."""
        return not any(column.rule.digest for column in self.columns)

    @cached_property
    def defaulted(self) -> tuple[str, ...]:
        """The columns with a default."""
        return tuple(column.name for column in self.columns if column.rule.default is not None)

    @property
    def is_multiset(self) -> bool:
        """Whether the table keeps identical rows: every copy counts."""
        return not self.key and not self.model.__distinct__

    @property
    def keyed_by_row(self) -> bool:
        """Whether identical rows are one row, and rows that differ in any column are different rows."""
        return not self.is_multiset and len(self.identity) == len(self.columns)

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that identify a row: the key, or else all columns. NULL equals NULL."""
        return self.key or self.column_names

    @cached_property
    def indexes(self) -> Mapping[str, tuple[str, ...]]:
        """The indexes that no constraint implies, with their columns: deleting a parent needs one for each foreign key."""
        implied = [self.key, *(unique.columns for unique in self.uniques)]
        wanted = dict.fromkeys(key.columns for key in self.foreign_keys)
        return {
            constraint_name(self.name, columns, "idx"): columns
            for columns in wanted
            if not any(set(columns) == set(prefix[: len(columns)]) for prefix in implied)
        }

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns, indexed by their names."""
        return {column.name: column for column in self.columns}


Split = Callable[[Mapping[str, str]], Iterable[tuple[str, dict[str, str]]]]
"""Divide one record (without its empty fields) into records of tables, as (table, data)."""


@dataclass(frozen=True)
class Source:
    """A file, its columns, and the tables that its records belong to.

    A dataset's module lists the files that fill several tables in ``FLAT_FILES``, each with the function that divides a
    record: ``FLAT_FILES = (Source("quotes.csv", ("author", "text"), ("authors", "quotes"), split),)``. ``split`` is None for
    the file of one table. ``headers``: the headers of a column, if others than its name; ``optional``: columns that a file
    may lack; ``ignore``: headers that no column takes. ``dialect``: of its CSVs. ``json_lines``: whether files with another
    extension than that of CSV, JSON Lines or Parquet are JSON Lines. ``any_name``: whether the file may have no extension.
    """

    file: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]
    split: Split | None = field(default=None, repr=False)
    ignored_partitions: tuple[str, ...] = ()
    dialect: Csv = STANDARD
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    json_lines: bool = False
    any_name: bool = False

    def is_json_lines(self, file: str) -> bool:
        """Whether a file of the source is JSON Lines, by its name."""
        return is_json_lines(file) or (self.json_lines and not is_csv(file))

    @cached_property
    def names(self) -> Headers:
        """The headers of the columns in files."""
        headers = tuple((column, self.headers.get(column) or (column,)) for column in self.columns)
        return Headers(headers, self.ignore, self.dialect.ignore_case)


@dataclass(frozen=True)
class Dataset:
    """A named set of tables with the foreign keys between them, and their files.

    ``removed``: former tables that a deployment may drop with their rows. ``ignored_files``: patterns of files that every
    run ignores. ``example``: whether it is an example of the
    project, which has no scheduled backup and no alarms by default.
    """

    name: str
    description: str
    tables: Mapping[str, Table] = field(repr=False)
    sources: tuple[Source, ...] = field(repr=False)
    removed: tuple[str, ...] = ()
    example: bool = False
    ignored_files: tuple[str, ...] = ()

    def table(self, name: str) -> Table:
        """The table of this name. Raises ``UnknownTable``."""
        try:
            return self.tables[name]
        except KeyError:
            raise UnknownTable(self.name, name, self.tables) from None

    def waves(self, names: Iterable[str] | None = None) -> list[list[str]]:
        """Groups of the tables (default: all) in which parents precede their children; a circle is in one group.

        Each table is in the last possible group: work proceeds group by group at the pace of the slowest table, and a large
        table without children should not delay the others.
        """
        left = {name: self.table(name) for name in (self.tables if names is None else names)}
        waves: list[list[str]] = []
        while left:
            parents = {
                key.parent
                for name, table in left.items()
                for key in table.foreign_keys
                if key.parent not in self.circle(name)
            }
            wave = [name for name in left if parents.isdisjoint(self.circle(name))]
            waves.append(wave)
            left = {n: t for n, t in left.items() if n not in wave}
        return waves[::-1]

    @cached_property
    def _circles(self) -> Mapping[str, tuple[str, ...]]:
        return circles({n: [key.parent for key in t.foreign_keys] for n, t in self.tables.items()})

    def circle(self, name: str) -> tuple[str, ...]:
        """The tables that reference the table, directly or through others, and are referenced by it; and the table."""
        return self._circles[name]

    def children(self, name: str) -> Iterator[tuple[Table, ForeignKey]]:
        """Every foreign key that references the table, with the table that has it."""
        for table in self.tables.values():
            for key in table.foreign_keys:
                if key.parent == name:
                    yield table, key
