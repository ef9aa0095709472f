"""Fit a backup from before a change of the catalogue to the present table.

Its files are loaded into a table with the backup's own columns, whose content hash is compared with the manifest. Then the
rows are converted to the shadow of the present table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from dataforge.backups.manifest import ColumnEntry, Manifest, TableEntry
from dataforge.errors import NoSuchBackup, SchemaDiffers
from dataforge.postgres import ddl
from dataforge.postgres.conversions import is_lossless, lossy_rows
from dataforge.postgres.roles import REFILL
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Column, Table
from dataforge.tables.datasets import get_dataset
from dataforge.tables.names import internal_name
from dataforge.tables.structure import ColumnStructure, TableStructure, rebuild_table
from functions.restore.run import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


def stored_table(table: Table, columns: tuple[ColumnEntry, ...]) -> Table:
    """The table with the columns of a backup, under another name in the schema of the shadows."""
    try:
        return rebuild_table(
            table.dataset,
            TableStructure(
                name=internal_name("stored", table.name),
                columns=tuple(
                    ColumnStructure(name=c.name, type=c.type, nullable=c.nullable) for c in columns
                ),
                key=(),
            ),
        )
    except ValueError as error:
        raise SchemaDiffers(f"{table.dataset}.{table.name}", [str(error)]) from None


@dataclass(frozen=True)
class Fit:
    """How the columns of a backup become the columns of a table.

    ``sources``: the backup's column of each column. ``ignored``: columns of the backup that the table lacks.
    """

    table: Table
    stored: Table
    sources: Mapping[str, Column]
    ignored: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, columns: tuple[ColumnEntry, ...]) -> Fit:
        """Match the columns by their present or former names."""
        stored = stored_table(table, columns)
        names = stored_names({column.name: column.renamed for column in table.columns}, stored.by_name)
        sources = {name: stored.by_name[former] for name, former in names.items()}
        return cls(
            table, stored, sources, tuple(name for name in stored.by_name if name not in names.values())
        )

    @property
    def missing(self) -> list[str]:
        """The columns that restored rows would need and the backup lacks."""
        return [
            f"{column.name} is not in the backup, is NOT NULL and has no default"
            for column in self.table.columns
            if column.name not in self.sources and not column.nullable and column.rule.default is None
        ]

    @property
    def is_direct(self) -> bool:
        """Whether the files can be loaded into the shadow: at most nullable columns are missing."""
        present = [column for column in self.table.columns if column.name in self.sources]
        return (
            not self.ignored
            and [column.name for column in present] == list(self.stored.column_names)
            and all(self.sources[c.name].type.sql == c.type.sql for c in present)
            and all(c.nullable or not self.sources[c.name].nullable for c in present)
            and all(c.rule.default is None for c in self.table.columns if c.name not in self.sources)
        )

    def notes(self) -> Iterator[str]:
        """The adaptations of columns that changed, for the result."""
        for column in self.table.columns:
            source = self.sources.get(column.name)
            if source is None:
                value = "NULL" if column.rule.default is None else "its default"
                yield f"{column.name} is {value}: the backup lacks it"
                continue
            if source.name != column.name:
                yield f"{column.name} is {source.name} of the backup"
            if source.type.sql != column.type.sql:
                yield f"{column.name} is converted from {source.type.catalog} to {column.type.catalog}"
        yield from (f"{name} of the backup is ignored: the table lacks it" for name in self.ignored)


def stored_names(former: Mapping[str, str], stored: Collection[str]) -> dict[str, str]:
    """The name that a backup has for each declared name; ``former``: the declared former names, or empty.

    A column or table without its present name has its former name there, even if another one has that name now.
    """
    moved: dict[str, str] = {}
    while more := {
        name: old
        for name, old in former.items()
        if old in stored and name not in moved and (name not in stored or name in moved.values())
    }:
        moved |= more
    return {name: name for name in former if name in stored and name not in moved.values()} | moved


def tables_in(backup: Manifest) -> dict[str, str]:
    """The name that the backup has for each declared table that it contains."""
    declared = get_dataset(backup.dataset).tables.values()
    return stored_names(
        {table.name: table.evolution.renamed for table in declared}, {entry.table for entry in backup.tables}
    )


def entry_of(backup: Manifest, table: Table) -> TableEntry:
    """The table's entry in a backup, under its name or its former name. Raises ``NoSuchBackup``."""
    names = tables_in(backup)
    if table.name not in names and table.name in names.values():
        raise NoSuchBackup(
            f"Backup {backup.backup_id} does not contain {table.name!r}: it is the former name of another table there."
        )
    return backup.table(names.get(table.name, table.name))


def dump_columns(columns: tuple[ColumnEntry, ...]) -> str:
    """The columns of a backup as the ledger stores them."""
    return _COLUMNS.dump_json(columns).decode()


def read_fit(table: Table, columns: Any) -> Fit:
    """The fit of the columns that the ledger stores."""
    return Fit.of(table, _COLUMNS.validate_python(columns))


_COLUMNS: TypeAdapter[tuple[ColumnEntry, ...]] = TypeAdapter(tuple[ColumnEntry, ...])


def create_stored(cursor: Cursor, run: Run, fit: Fit) -> None:
    """Create the table with the backup's columns, which the workers fill."""
    relation = ddl.qualified(fit.stored, run.schema)
    cursor.execute(
        Sql("{} WITH (autovacuum_enabled = false)").format(ddl.create_table(fit.stored, run.schema))
    )
    cursor.execute(Sql("GRANT INSERT ON {} TO {}").format(relation, REFILL))


def convert(cursor: Cursor, run: Run, fit: Fit) -> None:
    """Move the rows to the shadow of the present table. Raises ``SchemaDiffers`` with the rows that do not fit."""
    relation = ddl.qualified(fit.stored, run.schema)
    faults = list(_faults(cursor, relation, fit))
    if faults:
        raise SchemaDiffers(f"{fit.table.dataset}.{fit.table.name}", faults)
    values = Sql(", ").join(_value(fit, column) for column in fit.table.columns)
    cursor.execute(
        Sql("INSERT INTO {} ({}) SELECT {} FROM {}").format(
            run.shadow(fit.table), ddl.columns_sql(fit.table), values, relation
        )
    )
    cursor.execute(Sql("DROP TABLE {}").format(relation))


def is_converted(cursor: Cursor, run: Run, fit: Fit) -> bool:
    """Whether the rows are in the shadow of the present table."""
    cursor.execute("SELECT to_regclass(%s) IS NULL", (ddl.qualified(fit.stored, run.schema),))
    return bool(one_row(cursor)[0])


def _value(fit: Fit, column: Column) -> Sql:
    source = fit.sources.get(column.name)
    if source is None:
        return ddl.default_values(fit.table).get(column.name, Sql("NULL"))
    if source.type.sql == column.type.sql:
        return ident(source.name)
    lossless = is_lossless(source.type.catalog, column.type.catalog)
    form = Sql("{}::{}") if lossless else Sql("{}::text::{}")
    return form.format(ident(source.name), column.type.catalog)


def _faults(cursor: Cursor, relation: Sql, fit: Fit) -> Iterator[str]:
    for column in fit.table.columns:
        source = fit.sources.get(column.name)
        if source is None:
            continue
        old, new = source.type.catalog, column.type.catalog
        if old != new and not is_lossless(old, new):
            cursor.execute(lossy_rows(relation, ident(source.name), old, new))
            (rows,) = one_row(cursor)
            if rows:
                yield f"{column.name} was {old}, and {new} cannot hold the values of {rows} row(s)"
        if source.nullable and not column.nullable:
            cursor.execute(
                Sql("SELECT count(*) FROM {} WHERE {} IS NULL").format(relation, ident(source.name))
            )
            (rows,) = one_row(cursor)
            if rows:
                yield f"{column.name} is NOT NULL, and NULL in {rows} row(s) of the backup"
