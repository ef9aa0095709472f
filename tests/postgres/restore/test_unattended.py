"""Work that PostgreSQL completes without the function restores the same rows as one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import TargetRejectsRows, WorkContinues, WouldOrphan
from dataforge.runs.unattended.script import ROLLED_BACK
from functions.restore.step_cursor import step_cursor
from tests.postgres.restore.conftest import ALWAYS_SWAP, NEVER_SWAP

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.restore.conftest import Restore, Vault

STATUS = "SELECT status FROM dataforge.restores WHERE restore_id = %s"
CUSTOMERS = [{"customer_id": n, "customer_city": "old"} for n in range(1, 5)]
DAMAGE = (
    "UPDATE olist.customers SET customer_city = 'new' WHERE customer_id LIKE '%1';"
    " DELETE FROM olist.customers WHERE customer_id LIKE '%2'"
)


@pytest.fixture(params=[ALWAYS_SWAP, NEVER_SWAP], ids=["swap", "merge"])
def damaged(request: pytest.FixtureRequest, vault: Vault) -> Callable[[float | None], Restore]:
    """Return a function that makes a restore of a table of which rows were changed and deleted since the backup."""
    vault.insert("customers", *CUSTOMERS)
    backup = vault.backup("customers").backup_id
    vault.database.query(DAMAGE.replace("%", "%%"))

    def restore(seconds: float | None) -> Restore:
        made = vault.restore(request.param, table="customers", backup=backup)
        made.attended_seconds = seconds
        return made

    return restore


def changed(output: dict[str, Any]) -> list[Any]:
    """The counts, without the names that differ between restores of the same backup."""
    return [output[name] for name in ("restored", "added", "removed", "changed")]


def locked(vault: Vault) -> Connection:
    guard = vault.database.superuser()
    guard.autocommit = False
    guard.cursor().execute("LOCK TABLE olist.customers IN SHARE ROW EXCLUSIVE MODE")
    return guard


def test_outcome_is_that_of_one_call(damaged: Callable[..., Restore], vault: Vault) -> None:
    first = damaged(None)
    expected = changed(first.run()), vault.rows("customers")
    vault.database.query(DAMAGE.replace("%", "%%"))
    assert (changed(damaged(60).run()), vault.rows("customers")) == expected
    assert vault.leftovers() == []


def test_restore_continues_after_calls_that_ended(damaged: Callable[..., Restore], vault: Vault) -> None:
    restore = damaged(0).until("switch")
    guard = locked(vault)
    for _ in range(2):
        with pytest.raises(WorkContinues):
            restore.switch()
    assert vault.database.query(STATUS, restore.id) == [("running",)]
    guard.rollback()
    for step in ("switch", "keep", "finish"):
        restore.take(step)
    assert vault.database.query(STATUS, restore.id) == [("restored",)]
    assert all("old" in row for row in vault.rows("customers"))


def test_stopped_restore_changes_nothing(damaged: Callable[..., Restore], vault: Vault) -> None:
    restore, before = damaged(0).until("switch"), vault.rows("customers")
    guard = locked(vault)
    with pytest.raises(WorkContinues):
        restore.switch()
    restore.fail(RuntimeError("stopped"))
    guard.rollback()
    assert vault.leftovers() == []
    assert vault.rows("customers") == before


def terminated(damaged: Callable[..., Restore], vault: Vault) -> Restore:
    """A restore that waits for its swap, whose backend was then terminated."""
    restore = damaged(0).until("switch")
    guard = locked(vault)
    with pytest.raises(WorkContinues):
        restore.switch()
    vault.database.query(
        "SELECT pg_terminate_backend(pid, 60000) FROM dataforge.restore_work WHERE result IS NULL"
    )
    guard.rollback()
    return restore


def test_restore_whose_backend_was_terminated_is_repeated(
    damaged: Callable[..., Restore], vault: Vault
) -> None:
    restore = terminated(damaged, vault)
    restore.attended_seconds = 60
    restore.take("switch")
    assert all("old" in row for row in vault.rows("customers"))


def test_restore_whose_backend_was_terminated_keeps_an_index_that_the_owner_added_then(
    damaged: Callable[..., Restore], vault: Vault
) -> None:
    restore = terminated(damaged, vault)
    vault.database.query("CREATE INDEX mine ON olist.customers (customer_city)")
    restore.attended_seconds = 60
    try:
        for step in ("switch", "keep", "finish"):
            restore.take(step)
    finally:
        vault.database.query("DROP INDEX olist.mine")
    assert all("old" in row for row in vault.rows("customers"))
    assert vault.leftovers() == []


def test_step_that_began_unattended_continues_so_when_its_tables_have_become_small(
    damaged: Callable[..., Restore], vault: Vault
) -> None:
    restore = damaged(60).until("settle")
    assert restore.how
    for how in (restore.how, replace(restore.how, least_bytes=1 << 60)):
        with step_cursor(restore.control, how, restore.id, "count", "customers") as (cursor, run):
            cursor.execute(f"DELETE FROM {run.schema}.customers")
            assert cursor.rowcount == len(CUSTOMERS)


def test_rows_that_would_lose_their_parent_are_counted(vault: Vault) -> None:
    vault.insert("customers", *CUSTOMERS)
    backup = vault.backup("customers").backup_id
    vault.insert("customers", {"customer_id": 9})
    vault.insert("orders", {"order_id": 1, "customer_id": 9})
    restore = vault.restore(table="customers", backup=backup)
    restore.attended_seconds = 60
    for step in ("begin", "verify", "check", "load", "settle"):
        restore.take(step)
    with pytest.raises(WouldOrphan, match="1 row"):
        restore.switch()
    assert len(vault.rows("customers")) == 5


def test_constraint_of_the_owner_is_named(damaged: Callable[..., Restore], vault: Vault) -> None:
    vault.database.query(
        "DELETE FROM olist.customers WHERE customer_city = 'old';"
        "ALTER TABLE olist.customers ADD CONSTRAINT mine CHECK (customer_city = 'new')"
    )
    try:
        with pytest.raises(TargetRejectsRows, match='"mine"'):
            damaged(60).run()
    finally:
        vault.database.query("ALTER TABLE olist.customers DROP CONSTRAINT mine")
    assert vault.leftovers() == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_error_that_a_trigger_raises_is_not_taken_for_that_of_a_trial(vault: Vault, dry_run: bool) -> None:
    vault.insert("customers", *CUSTOMERS)
    vault.backup("customers")
    vault.database.query(DAMAGE.replace("%", "%%"))
    vault.database.query(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$BEGIN RAISE 'null' USING ERRCODE = '{ROLLED_BACK}'; END$$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON olist.customers FOR EACH ROW EXECUTE FUNCTION public.refuse()"
    )
    restore = vault.restore(table="customers", dry_run=dry_run)
    restore.attended_seconds = 60
    try:
        with pytest.raises(TargetRejectsRows, match="refuse\\(\\) refuses a row"):
            restore.run()
    finally:
        vault.database.query("DROP FUNCTION public.refuse() CASCADE")
    assert vault.leftovers() == []


GATE = """
    CREATE TABLE public.gate ();
    CREATE FUNCTION public.wait_for_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        LOCK TABLE public.gate IN ACCESS SHARE MODE;
        INSERT INTO public.gate DEFAULT VALUES;
        RETURN NULL;
    END $$;
    CREATE TRIGGER wait_for_gate AFTER INSERT OR UPDATE OR DELETE ON olist.customers FOR EACH STATEMENT
    EXECUTE FUNCTION public.wait_for_gate();
    ALTER TABLE olist.customers DISABLE TRIGGER wait_for_gate
"""


@pytest.fixture
def gate(vault: Vault) -> Iterator[None]:
    """A trigger that waits for a lock, and then writes."""
    vault.database.query(GATE)
    yield
    vault.database.query("DROP FUNCTION public.wait_for_gate() CASCADE; DROP TABLE public.gate")


@pytest.mark.parametrize("is_terminated", [pytest.param(False, marks=pytest.mark.slow), True])
def test_dry_run_continues_after_calls_that_ended_and_changes_nothing(
    vault: Vault, gate: None, is_terminated: bool
) -> None:
    vault.insert("customers", *CUSTOMERS)
    backup = vault.backup("customers").backup_id
    vault.database.query(DAMAGE.replace("%", "%%"))
    vault.database.query("ALTER TABLE olist.customers ENABLE TRIGGER wait_for_gate")
    before = vault.rows("customers")
    restore = vault.restore(table="customers", backup=backup, dry_run=True)
    restore.attended_seconds = 0
    restore.until("compare")
    guard = vault.database.superuser()
    guard.autocommit = False
    guard.cursor().execute("LOCK TABLE public.gate")
    for _ in range(2):
        with pytest.raises(WorkContinues):
            restore.compare()
    if is_terminated:
        vault.database.query(
            "SELECT pg_terminate_backend(pid, 60000) FROM dataforge.restore_work WHERE result IS NULL"
        )
    guard.rollback()
    restore.attended_seconds = 60
    for step in ("compare", "finish"):
        output = restore.take(step)
    assert changed(output) == [4, 1, 0, 1]
    assert vault.rows("customers") == before
    assert vault.database.query("SELECT FROM public.gate") == []
    assert vault.leftovers() == []
