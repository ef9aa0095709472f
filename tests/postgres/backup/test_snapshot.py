"""Snapshots shared between connections, and the locks that prevent swaps of their tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg2.errors
import pytest

from dataforge.errors import BackupRunning
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import BACKUP, EXPORT, MIGRATE, MIGRATION_RUN, REFILL
from dataforge.postgres.rows import one_row
from dataforge.postgres.snapshot import export_again, export_new, read_as_of, require_no_snapshot
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
        snapshot = export_new(first, TABLES)
        module_database.query("INSERT INTO olist.category_translations VALUES ('beleza', 'beauty')")
        again = export_again(second, TABLES, snapshot)
        assert (again != snapshot, count(first), count(second)) == (True, 0, 0)
        holder.rollback()
        read_as_of(first, TABLES, again)
        assert (count(first), count(second)) == (0, 0)
        # The last transaction has ended, and with it the snapshot.
        holder.rollback()
        reader.rollback()
        assert count(second) == 1
        holder.rollback()
        with pytest.raises((psycopg2.errors.UndefinedObject, psycopg2.errors.InvalidParameterValue)):
            read_as_of(first, TABLES, again)
    holder.close()


def test_tables_are_not_swapped_while_a_snapshot_of_their_dataset_is_held(
    module_database: Database,
) -> None:
    migration = module_database.connect(MIGRATE)
    holders = [module_database.connect(login) for login in (BACKUP, EXPORT)]
    for number, holder in enumerate(holders):
        with holder.cursor() as cursor:
            cursor.execute("SELECT set_config('application_name', %s, false)", (f"backup-{number}",))
            holder.commit()
            export_new(cursor, TABLES)
    with transaction(migration, role=MIGRATION_RUN) as cursor:
        require_no_snapshot(cursor, QUOTES)
    with pytest.raises(BackupRunning, match="backup-0, backup-1"), transaction(migration) as cursor:
        require_no_snapshot(cursor, OLIST)
    holders[0].rollback()
    with pytest.raises(BackupRunning, match="read by backup-1"), transaction(migration) as cursor:
        require_no_snapshot(cursor, OLIST)
    holders[1].rollback()
    with transaction(migration) as cursor:
        require_no_snapshot(cursor, OLIST)


def test_snapshot_is_younger_than_a_swap_that_it_waited_for(database: Database) -> None:
    """An older snapshot would read the new table as empty."""
    swap, exporter = database.superuser(), database.connect(BACKUP)
    swap.autocommit = False
    swap.cursor().execute(
        "ALTER TABLE olist.customers RENAME TO former; CREATE TABLE olist.customers (LIKE olist.former);"
        f" GRANT SELECT ON olist.customers TO {BACKUP}; INSERT INTO olist.customers SELECT 'a', 'b', '01037', 'rio', 'RJ'"
    )
    with ThreadPoolExecutor(1) as pool, exporter.cursor() as cursor:
        exported = pool.submit(export_new, cursor, TABLES)
        database.until(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        swap.commit()
        exported.result()
        cursor.execute("SELECT count(*) FROM olist.customers")
        assert cursor.fetchone() == (1,)


def test_no_role_delays_snapshots_and_swaps_by_advisory_locks(database: Database) -> None:
    """Every role of the server may take these locks, and RDS's master cannot revoke that."""
    stranger, exporter = database.connect(REFILL), database.connect(BACKUP)
    stranger.cursor().execute("SELECT pg_advisory_lock(1207312311, hashtext('olist'))")
    with exporter.cursor() as cursor:
        export_new(cursor, TABLES)
        cursor.connection.rollback()
    with transaction(database.connect(MIGRATE)) as cursor:
        require_no_snapshot(cursor, OLIST)
