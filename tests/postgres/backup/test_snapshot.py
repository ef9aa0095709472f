"""Snapshots shared between connections, and the lock that prevents swaps of their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2.errors
import pytest

from dataforge.errors import BackupRunning
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATE, MIGRATION_RUN
from dataforge.postgres.rows import one_row
from dataforge.postgres.snapshot import exclude_snapshots, export_again, export_new, read_as_of, share_tables
from dataforge.tables.datasets import get_dataset

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database

OLIST, QUOTES = get_dataset("olist"), get_dataset("quotes")
TABLES = [OLIST.table("customers"), OLIST.table("orders")]


def count(cursor: Cursor) -> int:
    cursor.execute("SELECT count(*) FROM olist.category_translations")
    return int(one_row(cursor)[0])


def test_imported_snapshot_remains_readable_after_the_exporter_ended(module_database: Database) -> None:
    holder, reader = (module_database.superuser() for _ in range(2))
    holder.autocommit = reader.autocommit = False
    with holder.cursor() as first, reader.cursor() as second:
        share_tables(first, OLIST)
        snapshot = export_new(first, TABLES)
        module_database.query("INSERT INTO olist.category_translations VALUES ('beleza', 'beauty')")
        again = export_again(second, TABLES, snapshot)
        assert (again != snapshot, count(first), count(second)) == (True, 0, 0)
        holder.rollback()
        read_as_of(first, again)
        assert (count(first), count(second)) == (0, 0)
        # The last transaction has ended, and with it the snapshot.
        holder.rollback()
        reader.rollback()
        assert count(second) == 1
        holder.rollback()
        with pytest.raises((psycopg2.errors.UndefinedObject, psycopg2.errors.InvalidParameterValue)):
            read_as_of(first, again)
    holder.close()
    _until_gone(module_database)


def test_tables_are_not_swapped_while_a_snapshot_of_their_dataset_is_held(
    module_database: Database,
) -> None:
    migration = module_database.connect(MIGRATE)
    holders = [module_database.superuser() for _ in range(2)]
    for number, holder in enumerate(holders):
        holder.autocommit = False
        with holder.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", (f"backup-{number}",))
            share_tables(cursor, OLIST)
    with transaction(migration, role=MIGRATION_RUN) as cursor:
        exclude_snapshots(cursor, QUOTES)
    with pytest.raises(BackupRunning, match="backup-0, backup-1"), transaction(migration) as cursor:
        exclude_snapshots(cursor, OLIST)
    # The lock is not released at the end of the transaction: the next snapshot may follow.
    holders[0].commit()
    holders[1].close()
    with pytest.raises(BackupRunning, match="read by backup-0"), transaction(migration) as cursor:
        exclude_snapshots(cursor, OLIST)
    holders[0].close()
    _until_gone(module_database)
    with transaction(migration) as cursor:
        exclude_snapshots(cursor, OLIST)


def _until_gone(database: Database) -> None:
    """Wait until PostgreSQL has noticed the closed connection."""
    while database.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"):
        pass
