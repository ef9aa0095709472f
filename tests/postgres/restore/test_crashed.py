"""PostgreSQL crashes, or its disk is full, during a restore: the table is unchanged or restored."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
import pytest

from dataforge.errors import Unavailable
from dataforge.postgres.roles import REFILL, RESTORE
from dataforge.postgres.shadow import schema_of

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.restore.conftest import Restore, Vault

pytestmark = pytest.mark.slow

SWAP, MERGE = 0, 10**9
HALT = """
    CREATE FUNCTION public.halt() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
    CREATE TRIGGER halt BEFORE INSERT ON {table} FOR EACH ROW WHEN (NEW.seller_city = 'halt')
    EXECUTE FUNCTION public.halt()
"""
"""A COPY stops at a row, after writing those before it, while another session holds the lock."""


@pytest.fixture(autouse=True)
def durable(module_database: Database) -> None:
    """Make commits durable; the tests' server may otherwise lose the newest ones in a crash."""
    module_database.query(f"ALTER DATABASE {module_database.name} SET synchronous_commit = on")


@pytest.mark.parametrize("swap_rows", [SWAP, MERGE], ids=["swap", "merge"])
def test_crashes_during_load_and_before_swap_leave_the_table_unchanged_and_the_next_restore_succeeds(
    vault: Vault, swap_rows: int
) -> None:
    rows = ({"seller_id": n, "seller_city": "halt" if n == 49 else "rio"} for n in range(1, 50))
    vault.insert("sellers", *rows)
    vault.backup("sellers", parts=3)
    held = vault.rows("sellers")
    vault.database.query("UPDATE olist.sellers SET seller_city = 'x' WHERE right(seller_id, 1) < '8'")
    damaged = vault.rows("sellers")

    run = vault.restore(swap_rows, table="sellers").until("load")
    with halted(vault, run) as halt, ThreadPoolExecutor(1) as pool:
        loading = pool.submit(run.load)
        crash(vault, halt())
        assert isinstance(loading.exception(timeout=30), Unavailable)
    assert vault.rows("sellers") == damaged
    # The state machine tries the step again.
    reconnect(vault, run)
    for step in ("load", "settle", "compare", "build", "link"):
        run.take(step)
    crash(vault, run.control.info.backend_pid)
    with pytest.raises(Unavailable) as raised:
        run.take("switch")
    assert vault.rows("sellers") == damaged
    # The third time, it abandons the run.
    assert len(vault.leftovers()) == 2
    reconnect(vault, run)
    run.fail(raised.value)
    assert (vault.rows("sellers"), vault.leftovers()) == (damaged, [])

    again = vault.restore(swap_rows, table="sellers")
    output = again.run()
    assert (vault.rows("sellers"), vault.leftovers()) == (held, [])
    assert output["changed"] == len(set(held) - set(damaged)) > 0
    way = "SELECT mode FROM dataforge.restores WHERE restore_id = %s"
    assert vault.database.query(way, again.id) == [("swap" if swap_rows == SWAP else "merge",)]
    vault.restore(swap_rows, undo=output["safety_backup"]).run()
    assert (vault.rows("sellers"), vault.leftovers()) == (damaged, [])


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="only Linux limits another process")
def test_full_disk_ends_the_restore_with_the_table_unchanged(vault: Vault) -> None:
    vault.insert("customers", {"customer_id": 1})
    vault.insert("orders", {"order_id": 1, "customer_id": 1})
    vault.database.query(
        "INSERT INTO olist.order_reviews SELECT md5(n::text), (SELECT order_id FROM olist.orders), 1, NULL,"
        " (SELECT string_agg(md5(n || '-' || k), '') FROM generate_series(1, 55) k), '2018-01-31', '2018-01-31'"
        " FROM generate_series(1, 11000) n"
    )
    vault.backup("order_reviews", parts=2)
    vault.database.query("DELETE FROM olist.order_reviews WHERE review_id < '8'")
    damaged = len(vault.rows("order_reviews"))

    run = vault.restore(table="order_reviews").until("load")
    # No file of this backend's may grow beyond a segment of WAL, so only its tables have no room. A process is limited by
    # one of its own user, which the server's may not be the tests'.
    limit = f"prlimit --pid {run.worker.info.backend_pid} --fsize={16 << 20}"
    vault.database.query(f"COPY (SELECT WHERE false) TO PROGRAM '{limit}'")
    with pytest.raises(psycopg2.Error, match="could not extend file") as raised:
        run.load()
    run.fail(raised.value)
    assert (len(vault.rows("order_reviews")), vault.leftovers()) == (damaged, [])
    # With free disk space again.
    run.worker.close()
    vault.restore(table="order_reviews").run()
    assert len(vault.rows("order_reviews")) == 11000


@contextmanager
def halted(vault: Vault, run: Restore) -> Iterator[Callable[[], int]]:
    """Halt a load in the middle. Yields a function that waits for it and returns its backend's id."""
    table = f"{schema_of(run.id)}.sellers"
    vault.database.query(HALT.format(table=table))
    guard = vault.database.superuser()
    guard.cursor().execute("SELECT pg_advisory_lock(1)")
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
    )

    def halt() -> int:
        return int(vault.database.until(waiting)[0][0])

    try:
        yield halt
    finally:
        guard.close()
        vault.database.query(f"DROP TRIGGER halt ON {table}; DROP FUNCTION public.halt")


def crash(vault: Vault, backend: int) -> None:
    """PostgreSQL ends all its processes when one of them is killed, and recovers; returns when it has."""
    os.kill(backend, signal.SIGKILL)
    until(lambda: is_recovered(vault.database, backend))


def is_recovered(database: Database, killed: int) -> bool:
    try:
        return database.query("SELECT FROM pg_stat_activity WHERE pid = %s", killed) == []
    except psycopg2.OperationalError:
        return False


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def reconnect(vault: Vault, run: Restore) -> None:
    """New connections, as functions open them after the warm ones are lost."""
    vault.database.warm.clear()
    run.control, run.worker = vault.connection(RESTORE), vault.connection(REFILL)
