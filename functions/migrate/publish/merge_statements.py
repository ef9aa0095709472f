"""The statements that merge a run's rows into tables, and their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataforge.postgres import ddl
from dataforge.postgres.row_identity import on_key, same_key, same_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Table
from functions.migrate.run.copies import count_stored_copies, insert_missing_copies
from functions.migrate.run.ledger import Resolved
from functions.migrate.run.migration import Run

INSERT, UPDATE = "insert", "update"


def changes(tables: list[Table], resolved: Mapping[str, Resolved]) -> Iterator[tuple[str, Table]]:
    """The changes in order: inserts, and then updates, whose locks thus delay other writers for the shortest time.

    Updates of unique columns that other tables refer to precede the rows of these tables.
    """
    updated = [table for table in tables if resolved[table.name].updated]
    early = [table for table in updated if _is_parent_by_unique_columns(table, tables)]
    for table in tables:
        yield INSERT, table
        if table in early:
            yield UPDATE, table
    yield from ((UPDATE, table) for table in updated if table not in early)


def _is_parent_by_unique_columns(table: Table, tables: list[Table]) -> bool:
    """Whether a reference leads to columns of the table that an update may change."""
    keys = (key for child in tables for key in child.foreign_keys if key.parent == table.name)
    return any(key.parent_columns != table.key and not key.deferrable for key in keys)


def insert_statement(run: Run, table: Table) -> Sql:
    """Insert the rows that the table lacks, in the order of the key: neighbours in its index are written together."""
    if table.is_multiset:
        return insert_missing_copies(run, table)
    return Sql(
        "INSERT INTO {live} ({columns}) SELECT {columns} FROM {shadow} s"
        " WHERE NOT EXISTS (SELECT FROM {live} l WHERE {same_key}) ORDER BY {key} ON CONFLICT ({key}) DO NOTHING"
    ).format(
        live=ddl.qualified(table),
        columns=ddl.columns_sql(table),
        shadow=run.shadow(table),
        same_key=same_key(table, "s", "l"),
        key=on_key(table),
    )


def update_statement(run: Run, table: Table) -> Sql:
    """Give stored rows the values of the run's rows with the same keys."""
    others = [ident(name) for name in table.column_names if name not in table.key]
    return Sql("UPDATE {} l SET {} FROM {} s WHERE {} AND NOT ({})").format(
        ddl.qualified(table),
        Sql(", ").join(Sql("{name} = s.{name}").format(name=name) for name in others),
        run.shadow(table),
        same_key(table, "s", "l"),
        same_row(table, "s", "l"),
    )


def count_stored(run: Run, table: Table) -> Sql:
    """Count the run's rows that the table has."""
    if table.is_multiset:
        return count_stored_copies(run, table)
    return Sql("SELECT count(*) FROM {} s JOIN {} l ON {} WHERE {}").format(
        run.shadow(table), ddl.qualified(table), same_key(table, "s", "l"), same_row(table, "s", "l")
    )
