"""A snapshot exists as long as one of its exporters runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataforge.errors import Busy, SnapshotLost, Unavailable
from dataforge.postgres.connection import transaction
from dataforge.postgres.rows import one_row
from functions.backup.export_snapshot import export_snapshot, read_by_snapshot
from functions.backup.run import read_run

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Backup, Vault


@pytest.fixture
def backup(vault: Vault) -> Backup:
    """A backup of 100 sellers that has begun; more sellers are inserted later."""
    vault.fill(100)
    backup = vault.backup({"tables": ["sellers"]})
    backup.begin()
    return backup


def sellers(backup: Backup) -> int:
    """The number of sellers in the backup's snapshot."""
    with transaction(backup.db) as cursor:
        run = read_run(cursor, backup.id)
        read_by_snapshot(backup.db, cursor, run)
        cursor.execute("SELECT count(*) FROM olist.sellers")
        return int(one_row(cursor)[0])


def one_more(backup: Backup, number: int) -> None:
    backup.vault.database.query(
        "INSERT INTO olist.sellers VALUES (md5(%s), '01037', 'rio', 'RJ')", f"new {number}"
    )


def test_exporter_that_ends_withdraws_its_id_and_its_next_call_imports_the_other_snapshot(
    backup: Backup,
) -> None:
    other = backup.hold()
    known = backup.snapshots()
    for number in range(3):
        one_more(backup, number)
        assert backup._hold(seconds=0) == {"done": False}
        # No reader tries a withdrawn id.
        assert backup.snapshots() == known
        assert sellers(backup) == 100
    backup.plan()
    backup.write()
    backup.finish()
    assert other.result(timeout=20) == {"done": True}
    assert backup.vault.manifest(backup.id).table("sellers").rows == 100
    assert backup.snapshots() == []


def test_killed_exporter_is_replaced_from_the_other_and_its_id_is_skipped(
    backup: Backup,
) -> None:
    first = backup.hold()
    (killed,) = backup.vault.database.query(
        "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE relation = 'olist.sellers'::regclass AND application_name = %s",
        f"backup {backup.id}",
    )
    second = backup.hold()
    backup.vault.database.query("SELECT pg_terminate_backend(%s)", *killed)
    with pytest.raises(Unavailable):
        first.result(timeout=20)
    # As if the killed exporter could not withdraw its id.
    backup.vault.database.query(
        "INSERT INTO dataforge.snapshots VALUES (%s, '00000003-0000001B-1')", backup.id
    )
    one_more(backup, 1)
    assert sellers(backup) == 100
    third = backup.hold()
    assert not third.done()
    backup.exporters = [second, third]
    backup.plan()
    backup.write()
    backup.finish()
    assert backup.vault.manifest(backup.id).table("sellers").rows == 100


def test_lost_snapshot_ends_the_backup(backup: Backup) -> None:
    assert backup._hold(seconds=0) == {"done": False}
    with pytest.raises(Busy, match=backup.id):
        sellers(backup)
    with pytest.raises(SnapshotLost, match=f"{backup.id}.*again"):
        export_snapshot(backup.db, backup.vault.database.connect("dataforge_backup"), backup.id, 0)


def test_exporter_of_ended_backup_returns_at_once(backup: Backup) -> None:
    backup.vault.database.query("UPDATE dataforge.backups SET status = 'failed'")
    assert export_snapshot(backup.db, backup.vault.database.connect("dataforge_backup"), backup.id, 60) == {
        "done": True
    }


def test_exporter_that_starts_after_the_backup_was_written_returns_at_once(backup: Backup) -> None:
    """A small backup is written while the second exporter starts."""
    assert backup._hold(seconds=0) == {"done": False}
    finishing = backup.vault.database.superuser()
    finishing.autocommit = False
    finishing.cursor().execute(
        "UPDATE dataforge.backups SET status = 'written' WHERE run_id = %s", (backup.id,)
    )
    late = backup.vault.pool.submit(backup._hold, 60)
    backup.vault.database.until(
        "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    finishing.commit()
    assert late.result(timeout=20) == {"done": True}
