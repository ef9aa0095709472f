"""Shadow tables, in which a run builds the rows that it publishes.

Each run has its own schema, so a worker of a stopped run finds no table to write to. A shadow has the table's columns and,
in a migration, ``_source``, the row's position in the source: file number << 44 | byte offset. All functions run in the
caller's transaction, as the role of the run (``dataforge.postgres.roles.RUNS``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2.errors

from dataforge.postgres import ddl, identity
from dataforge.postgres.matches_catalogue import is_pristine
from dataforge.postgres.roles import LOAD
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.tables.catalogue import Dataset, Table

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


SOURCE = Sql("_source")
_POSITION = Sql("{} bigint NOT NULL").format(SOURCE)
FILE_SHIFT = 44
"""Number of bits for the byte offset in a position: files of up to 16 TiB."""
_AUTOVACUUM = Sql("autovacuum_enabled")
"""Disabled: autovacuum could block index builds and swaps for a second, and with them the readers of the tables. The
statistics of a shadow are computed once, when it is complete."""


PREFIX = "shadow_"
"""The names of all schemas with shadows begin with it, and no others."""
REPLACED = "-kept"  # prose: ignore
"""Added to a restore's id, the run whose schema contains the replaced tables until they are in S3."""


def schema_of(run: str) -> str:
    """Name of a run's schema."""
    return PREFIX + re.sub("[^a-z0-9]", "_", run.lower())


def create(
    cursor: Cursor,
    run: str,
    tables: Iterable[Table],
    *,
    loader: Sql = LOAD,
    extra: Sql = _POSITION,
) -> None:
    """Create the run's schema with an empty shadow of each table, which the ``loader`` may fill."""
    schema = schema_of(run)
    create_schema(cursor, schema)
    for table in tables:
        cursor.execute(
            Sql("{} WITH ({} = false)").format(
                ddl.create_table(identity.without_identity(table), schema, extra), _AUTOVACUUM
            )
        )
        cursor.execute(Sql("GRANT INSERT ON {} TO {}").format(ddl.qualified(table, schema), loader))


def create_schema(cursor: Cursor, schema: str) -> None:
    """Create a schema of shadows. It belongs to the datasets' owner; this run's role may create tables in it."""
    cursor.execute("SELECT dataforge_steps.create_shadows(%s)", (schema,))


def exists(cursor: Cursor, run: str) -> bool:
    """Whether the run has a schema of shadows."""
    cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", (schema_of(run),))
    return bool(one_row(cursor)[0])


def drop(cursor: Cursor, run: str) -> None:
    """Drop the run's schema with its tables, if it exists."""
    cursor.execute("SELECT dataforge_steps.drop_shadows(%s)", (schema_of(run),))


def copy_sql(table: Table, run: str) -> Sql:
    """The COPY that fills a shadow from CSV lines: the table's columns, then the position."""
    return Sql("COPY {} ({}, {}) FROM STDIN (FORMAT csv)").format(
        ddl.qualified(table, schema_of(run)), ddl.columns_sql(table), SOURCE
    )


@contextmanager
def attempt(cursor: Cursor, *errors: type[Exception]) -> Iterator[list[Exception]]:
    """Run statements in a savepoint. If one of ``errors`` occurs, they are rolled back and the error is in the list."""
    failed: list[Exception] = []
    cursor.execute("SAVEPOINT attempt")
    try:
        yield failed
    except errors as error:
        cursor.execute("ROLLBACK TO SAVEPOINT attempt")
        failed.append(error)
    cursor.execute("RELEASE SAVEPOINT attempt")


def add_keys(cursor: Cursor, table: Table, run: str) -> bool:
    """Build the primary key or the index on whole rows, and the unique constraints, all or none.

    Returns False if several rows have the same values of one.
    """
    schema = schema_of(run)
    keys = [ddl.add_constraint(table, name, definition, schema) for name, definition in ddl.keys(table)]
    keys += [statement for _, statement in ddl.row_index(table, schema)]
    with attempt(cursor, psycopg2.errors.UniqueViolation) as failed:
        cursor.execute(Sql("; ").join(keys))
    return not failed


def add_foreign_keys(cursor: Cursor, table: Table, run: str, in_run: Iterable[str]) -> bool:
    """Build the foreign keys, to shadows of parents in the run, otherwise to tables, all or none.

    Returns False on an orphan. Children of the same parents lock them in the same order.
    """
    inside, schema = set(in_run), schema_of(run)
    keys = [
        ddl.add_constraint(
            table, key.name, ddl.foreign_key(key, schema if key.parent in inside else table.dataset), schema
        )
        for key in sorted(table.foreign_keys, key=lambda key: key.parent)
    ]
    if not keys:
        return True
    with attempt(cursor, psycopg2.errors.ForeignKeyViolation) as failed:
        cursor.execute(Sql("; ").join(keys))
    return not failed


def finish(cursor: Cursor, table: Table, run: str) -> None:
    """Build checks, other indexes, comments and statistics.

    Then the shadow equals the table except for ``_source`` and grants.
    """
    additions = [
        Sql("ADD CONSTRAINT {} {}").format(ident(name), definition) for name, definition in ddl.checks(table)
    ]
    if additions:
        cursor.execute(
            Sql("ALTER TABLE {} {}").format(ddl.qualified(table, schema_of(run)), Sql(", ").join(additions))
        )
    of_key = {name for name, _ in ddl.row_index(table)}
    for name, statement in ddl.index_statements(table, schema_of(run)):
        if name not in of_key:
            cursor.execute(statement)
    for statement in ddl.comments(table, schema_of(run)):
        cursor.execute(statement)
    analyze(cursor, table, run)


def analyze(cursor: Cursor, table: Table, run: str) -> None:
    """Compute the shadow's statistics, which the table will have."""
    cursor.execute(Sql("ANALYZE {}").format(ddl.qualified(table, schema_of(run))))


def drop_foreign_keys(cursor: Cursor, table: Table, run: str) -> None:
    """Drop the shadow's foreign keys, before its rows are merged into the table."""
    for key in table.foreign_keys:
        cursor.execute(
            Sql("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(
                ddl.qualified(table, schema_of(run)), ident(key.name)
            )
        )


def replaceable(cursor: Cursor, dataset: Dataset, tables: Iterable[Table]) -> bool:
    """Whether all tables are empty and can be swapped for their shadows without losing anything."""
    inside = list(tables)
    return all(_is_empty(cursor, table) for table in inside) and is_closed(cursor, dataset, inside)


def is_closed(cursor: Cursor, dataset: Dataset, tables: Iterable[Table]) -> bool:
    """Whether a swap of all tables loses nothing and concerns no other rows.

    The tables must not have additions that the catalogue does not declare (grants, indexes, triggers, policies, views,
    publications), which would be lost. Children outside the run must be empty. Parents must be in the run, because building
    a foreign key to a live table blocks its writers.
    """
    inside = list(tables)
    names = {table.name for table in inside}
    if any(key.parent not in names for table in inside for key in table.foreign_keys):
        return False
    children = {c.name: c for t in inside for c, _ in dataset.children(t.name) if c.name not in names}
    return all(_is_empty(cursor, child) for child in children.values()) and all(
        is_pristine(cursor, dataset, table) for table in inside
    )


def _is_empty(cursor: Cursor, table: Table) -> bool:
    cursor.execute(Sql("SELECT NOT EXISTS (SELECT FROM {})").format(ddl.qualified(table)))
    return bool(one_row(cursor)[0])


def swap(
    cursor: Cursor, dataset: Dataset, run: str, tables: Iterable[Table], replaced: str | None = None
) -> None:
    """Replace the tables with their shadows, which get their grants. The tables are locked and match the catalogue.

    ``replaced``: the schema to which the replaced tables are moved; then foreign keys from and to other tables are created
    NOT VALID. Without it the replaced tables, which are empty, are dropped.
    """
    names = [table.name for table in tables]
    cursor.execute(
        "SELECT dataforge_steps.swap(%s, %s, %s, %s)", (dataset.name, names, schema_of(run), replaced)
    )


def lock(cursor: Cursor, dataset: Dataset, tables: Iterable[Table], mode: Sql) -> None:
    """Lock the tables and their children outside the run, in the same order in every run."""
    names = {t.name for t in tables}
    names |= {child.name for name in set(names) for child, _ in dataset.children(name)}
    cursor.execute(
        Sql("LOCK TABLE {} IN {} MODE").format(
            Sql(", ").join(ddl.qualified(dataset.table(n)) for n in sorted(names)), mode
        )
    )
