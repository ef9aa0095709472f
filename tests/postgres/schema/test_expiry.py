"""Rejections expire by age, sooner once a replay has stored their records, and in transactions of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataforge.runs.ledger_tables import INTERNAL
from functions.schema.expire import expire
from functions.schema.upkeep import work

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

DAYS = 90
INSERT = """
    INSERT INTO dataforge.rejections (dataset, "table", raw, errors, migration_id, rejected_at, replayed_at, replay_of)
    SELECT 'olist', 'orders', '{}', '[]', %s, now() - %s * interval '1 day', now() - %s * interval '1 day', %s
"""


@pytest.fixture
def upkeep(database: Database) -> Connection:
    """The connection of the upkeep."""
    database.query("DELETE FROM dataforge.rejections_without_expiry")
    return database.connect("master")


def reject(
    database: Database,
    age: float,
    *,
    replayed: float | None = None,
    replay_of: int | None = None,
    migration: str = "m",
) -> int:
    """Store a rejection of this age, in days. Returns its id."""
    found = database.query(INSERT + " RETURNING id", migration, age, replayed, replay_of)
    return int(found[0][0])


def stored(database: Database) -> list[int]:
    return [i for (i,) in database.query("SELECT id FROM dataforge.rejections ORDER BY id")]


def expire_all(db: Connection) -> None:
    while expire(db, DAYS):
        pass


def test_rejections_expire_by_age(database: Database, upkeep: Connection) -> None:
    reject(database, 90.1)
    kept = reject(database, 89.9)
    expire_all(upkeep)
    assert stored(database) == [kept]


def test_replayed_rejections_expire_a_week_after_the_replay(database: Database, upkeep: Connection) -> None:
    reject(database, 20, replayed=7.1)
    kept = reject(database, 20, replayed=6.9)
    expire_all(upkeep)
    assert stored(database) == [kept]


def test_rejection_expires_with_the_rejection_of_its_replay(database: Database, upkeep: Connection) -> None:
    root = reject(database, 95)
    again = reject(database, 30, replay_of=root)
    expire_all(upkeep)
    assert stored(database) == [root, again]
    database.query("UPDATE dataforge.rejections SET rejected_at = now() - interval '91 days'")
    expire_all(upkeep)
    assert stored(database) == []


@pytest.mark.parametrize(("status", "left"), [("running", 1), ("published", 0), ("failed", 0)])
def test_rejections_of_a_running_migration_do_not_expire(
    database: Database, upkeep: Connection, status: str, left: int
) -> None:
    database.query(
        "INSERT INTO dataforge.migrations (migration_id, execution, dataset, prefix, tables, quality_threshold, status)"
        " VALUES ('m', 'e', 'olist', 'olist/', '{orders}', 0, %s)",
        status,
    )
    reject(database, 100)
    expire_all(upkeep)
    assert len(stored(database)) == left


@pytest.mark.parametrize(("days", "left"), [(89, 3), (91, 1)])
def test_rejections_from_before_expiry_expire_90_days_after_the_upgrade(
    database: Database, upkeep: Connection, days: int, left: int
) -> None:
    reject(database, 400)
    last = reject(database, 200, replayed=100)
    database.query(
        "INSERT INTO dataforge.rejections_without_expiry (last_id, since) VALUES (%s, now() - %s * interval '1 day')",
        last,
        days,
    )
    reject(database, 80)
    reject(database, 100)
    expire_all(upkeep)
    assert len(stored(database)) == left


def test_one_transaction_deletes_a_bounded_number(database: Database, upkeep: Connection) -> None:
    for _ in range(5):
        reject(database, 100)
    assert [expire(upkeep, DAYS, rows=2) for _ in range(4)] == [2, 2, 1, 0]


def test_upkeep_deletes_expired_rejections_after_the_changes_of_tables(database: Database) -> None:
    database.query("DELETE FROM dataforge.rejections_without_expiry")
    reject(database, 31)
    steps = []
    for _ in range(2):
        db = database.connect("master")
        steps.append(work(db, 30))
        db.close()
    assert (steps, stored(database)) == (["again", "done"], [])


def test_first_deployment_with_expiry_records_the_last_rejection_from_before_it(
    database: Database, upkeep: Connection
) -> None:
    (record,) = (s for s in INTERNAL if s.startswith("INSERT INTO dataforge.rejections_without_expiry"))
    old = reject(database, 100)
    for _ in range(2):
        with upkeep.cursor() as cursor:
            cursor.execute(record)
        upkeep.commit()
        reject(database, 0)
    assert database.query("SELECT last_id FROM dataforge.rejections_without_expiry") == [(old,)]
