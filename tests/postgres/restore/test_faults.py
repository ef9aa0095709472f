"""A restore is killed, stopped, or concurrent with writers: the tables are unchanged or restored."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from dataforge.aws.failures import Failure
from dataforge.backups import manifest
from dataforge.errors import AlreadyRunning, Busy, InvalidInput, LeaseLost, Unavailable, WouldOrphan
from dataforge.postgres import snapshot
from dataforge.postgres.roles import REFILL, RESTORE
from dataforge.postgres.shadow import schema_of
from dataforge.runs.lifecycle import close_run
from dataforge.tables.datasets import DATASETS
from functions.restore.load import FileItem, load_file
from functions.restore.run import RESTORES
from functions.restore.safety_backup import PageRange, plan_safety_backup, save_pages

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.postgres.restore.conftest import Restore, Vault

SWAP, MERGE = 0, 10**9
both = pytest.mark.parametrize("swap_rows", [SWAP, MERGE], ids=["swap", "merge"])
OLIST = DATASETS["olist"]
STEPS = ("check", "load", "settle", "compare", "build", "link", "switch", "keep", "finish")
MERGE_STEPS = tuple(step for step in STEPS if step not in ("build", "link"))


@pytest.fixture
def rows(vault: Vault) -> list[str]:
    """The rows of a backup of sellers; some were deleted since and some inserted."""
    vault.insert("sellers", *({"seller_id": n} for n in range(1, 50)))
    vault.backup("sellers")
    held = vault.rows("sellers")
    vault.database.query(
        "DELETE FROM olist.sellers WHERE right(seller_id, 1) < '6' AND right(seller_id, 1) > '0'"
    )
    vault.insert("sellers", {"seller_id": 99}, {"seller_id": 98})
    return held


def mode(vault: Vault, run: Restore) -> list[Any]:
    return vault.database.query("SELECT mode FROM dataforge.restores WHERE restore_id = %s", run.id)


@contextmanager
def locked(vault: Vault, relation: str) -> Iterator[None]:
    """Within, another session has a lock on the relation that conflicts with every other lock."""
    db = vault.database.superuser()
    db.autocommit = False
    db.cursor().execute(f"LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        db.close()


def kill(vault: Vault) -> None:
    """End the connection of a restore's function once it waits for a lock, within its lock time-out."""
    waiting = "FROM pg_stat_activity WHERE usename = ANY(%s) AND wait_event_type = 'Lock' AND datname = current_database()"
    db = vault.database.superuser()
    killed: list[Any] = []
    deadline = time.monotonic() + 20
    while not killed and time.monotonic() < deadline:
        with db.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) {waiting}", ([RESTORE, REFILL],))
            killed = cursor.fetchall()
    db.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("swap_rows", "step"), [*((SWAP, s) for s in STEPS), *((MERGE, s) for s in MERGE_STEPS)]
)
def test_step_that_was_killed_changed_nothing_and_can_be_repeated(
    vault: Vault, rows: list[str], step: str, swap_rows: int
) -> None:
    run = vault.restore(swap_rows, table="sellers").until(step)
    before = vault.rows("sellers")
    relation = (
        {
            "load": f"shadow_{run.id}.sellers",
            "settle": f"shadow_{run.id}.sellers",
            "build": f"shadow_{run.id}.sellers",
            "switch": "olist.sellers",
            "keep": f"shadow_{run.id}_kept.sellers",
            "finish": f"shadow_{run.id}_kept.sellers",
        }.get(step, "dataforge.restores")
        .replace("-", "_")
        .lower()
    )
    killer = threading.Thread(target=kill, args=(vault,))
    with locked(vault, relation):
        killer.start()
        with pytest.raises(Unavailable):
            run.take(step)
        killer.join()
    assert vault.rows("sellers") == before
    run.control, run.worker = vault.connection(RESTORE), vault.connection(REFILL)
    for left in STEPS[STEPS.index(step) :]:
        answer = run.take(left)
    assert (vault.rows("sellers"), vault.leftovers()) == (rows, [])
    assert answer["safety_backup"] == run.id


@both
@pytest.mark.parametrize("step", ["check", "load", "settle", "compare", "switch"])
def test_restore_stopped_before_swap_changes_nothing_and_leaves_nothing(
    vault: Vault, rows: list[str], step: str, swap_rows: int
) -> None:
    before = vault.rows("sellers")
    run = vault.restore(swap_rows, table="sellers").until(step)
    close_run(run.control, RESTORES, run.execution, "aborted", Failure("ABORTED", "stopped"))
    assert (vault.rows("sellers"), vault.leftovers()) == (before, [])
    with pytest.raises((LeaseLost, InvalidInput)):
        run.take(step) if step != "load" else run.take("settle")
    assert vault.rows("sellers") == before
    vault.restore(swap_rows, table="sellers").run()
    assert vault.rows("sellers") == rows


@both
def test_restore_stopped_after_swap_preserves_the_replaced_tables_until_it_is_finished(
    vault: Vault, rows: list[str], swap_rows: int
) -> None:
    replaced = vault.rows("sellers")
    run = vault.restore(swap_rows, table="sellers").until("keep")
    run.fail(Unavailable("S3 failed"))
    assert vault.rows("sellers") == rows
    assert [word for word in (run.id, "finish", "S3 failed") if word not in run.failure["cause"]] == []
    with pytest.raises(InvalidInput, match="finish"):
        vault.restore(undo=run.id).run()
    output = vault.restore(finish=run.id).run()
    assert (output["safety_backup"], output["removed"]) == (run.id, 2)
    vault.restore(swap_rows, undo=run.id).run()
    assert (vault.rows("sellers"), vault.leftovers()) == (replaced, [])
    with pytest.raises(InvalidInput, match="restored"):
        vault.restore(finish=run.id).run()


@both
def test_rows_written_before_swap_are_in_the_safety_backup(
    vault: Vault, rows: list[str], swap_rows: int
) -> None:
    written: list[str] = []

    def write() -> None:
        vault.insert("sellers", {"seller_id": 1, "seller_city": "late"}, {"seller_id": 97})
        written.extend(vault.rows("sellers"))

    output = vault.restore(swap_rows, table="sellers").run(switch=write)
    assert (output["added"], output["removed"], output["changed"]) == (15, 3, 1)
    assert vault.rows("sellers") == rows
    vault.restore(swap_rows, undo=output["safety_backup"]).run()
    assert vault.rows("sellers") == written


@both
def test_restore_refuses_to_orphan_a_child_inserted_before_swap(vault: Vault, swap_rows: int) -> None:
    vault.insert("customers", {"customer_id": 1})
    vault.backup("customers")
    vault.insert("customers", {"customer_id": 2})
    run = vault.restore(swap_rows, table="customers")
    with pytest.raises(WouldOrphan, match=r"1 row\(s\) of olist.orders"):
        run.run(switch=lambda: vault.insert("orders", {"order_id": 1, "customer_id": 2}))
    assert (len(vault.rows("customers")), vault.leftovers()) == (2, [])


@both
def test_restore_refuses_rows_whose_parent_was_deleted_before_swap(vault: Vault, swap_rows: int) -> None:
    vault.insert("customers", {"customer_id": 1})
    vault.insert("orders", {"order_id": 1, "customer_id": 1})
    vault.backup("orders")
    vault.database.query("DELETE FROM olist.orders")
    with pytest.raises(WouldOrphan, match="orders_customer_id_fkey"):
        vault.restore(swap_rows, table="orders").run(
            switch=lambda: vault.database.query("DELETE FROM olist.customers")
        )
    assert (vault.rows("orders"), vault.leftovers()) == ([], [])


def test_older_snapshot_still_reads_the_old_rows(vault: Vault, rows: list[str]) -> None:
    reader = vault.database.superuser()
    reader.autocommit = False
    cursor = reader.cursor()
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    cursor.execute("SELECT FROM olist.orders")
    old = len(vault.rows("sellers"))
    run = vault.restore(SWAP, table="sellers")
    run.run()
    cursor.execute("SELECT count(*) FROM olist.sellers")
    seen = cursor.fetchone()
    reader.close()
    assert (seen, vault.rows("sellers")) == ((old,), rows)
    assert mode(vault, run) == [("swap",)]


def test_snapshot_younger_than_the_load_reads_all_new_rows(vault: Vault, rows: list[str]) -> None:
    reader = vault.database.superuser()
    reader.autocommit = False
    cursor = reader.cursor()

    def begin() -> None:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT FROM olist.orders")

    before = vault.database.query("SELECT 'olist.sellers'::regclass::oid")
    vault.restore(SWAP, table="sellers").run(switch=begin)
    cursor.execute("SELECT count(*) FROM olist.sellers")
    seen = cursor.fetchone()
    reader.close()
    assert seen == (len(rows),)
    assert vault.database.query("SELECT 'olist.sellers'::regclass::oid") != before


def test_transaction_in_another_database_does_not_prevent_a_swap(vault: Vault, rows: list[str]) -> None:
    elsewhere = vault.database.server.superuser()
    elsewhere.autocommit = False
    elsewhere.cursor().execute("SELECT")
    before = vault.database.query("SELECT 'olist.sellers'::regclass::oid")
    vault.restore(SWAP, table="sellers").run()
    elsewhere.close()
    assert vault.database.query("SELECT 'olist.sellers'::regclass::oid") != before


def test_autovacuum_is_disabled_for_shadows_but_not_for_restored_tables(
    vault: Vault, rows: list[str]
) -> None:
    run = vault.restore(SWAP, table="sellers").until("load")
    options = "SELECT reloptions FROM pg_class WHERE oid = (%s || '.sellers')::regclass"
    assert vault.database.query(options, schema_of(run.id)) == [(["autovacuum_enabled=false"],)]
    for step in STEPS[STEPS.index("load") :]:
        run.take(step)
    assert vault.database.query(options, "olist") == [(None,)]


def test_restore_neither_blocks_nor_disturbs_a_backup_with_a_snapshot(vault: Vault, rows: list[str]) -> None:
    holder = vault.database.superuser()
    holder.autocommit = False
    cursor, old = holder.cursor(), len(vault.rows("sellers"))
    snapshot.export_new(cursor, [OLIST.table("sellers")])
    vault.restore(SWAP, table="sellers").run()
    cursor.execute("SELECT count(*) FROM olist.sellers")
    seen = cursor.fetchone()
    holder.close()
    assert (seen, vault.rows("sellers")) == ((old,), rows)


def test_related_tables_are_restored_and_preserved_while_a_backup_has_a_snapshot(vault: Vault) -> None:
    tables = ["customers", "orders"]
    vault.insert("customers", {"customer_id": 1}, {"customer_id": 2})
    vault.insert("orders", {"order_id": 1, "customer_id": 1}, {"order_id": 2, "customer_id": 2})
    backup, held = vault.backup(*tables).backup_id, list(map(vault.rows, tables))
    vault.database.query("DELETE FROM olist.orders; DELETE FROM olist.customers")
    vault.insert("customers", {"customer_id": 2, "customer_city": "x"}, {"customer_id": 3})
    vault.insert("orders", {"order_id": 1, "customer_id": 3})
    replaced = list(map(vault.rows, tables))
    holder = vault.database.superuser()
    holder.autocommit = False
    snapshot.export_new(holder.cursor(), [OLIST.table("orders")])
    run = vault.restore(SWAP, tables=tables, backup=backup)
    run.run()
    assert list(map(vault.rows, tables)) == held
    vault.restore(SWAP, undo=run.id).run()
    holder.close()
    assert list(map(vault.rows, tables)) == replaced


@pytest.mark.slow
@both
def test_swap_is_busy_while_a_writer_does_not_end(vault: Vault, rows: list[str], swap_rows: int) -> None:
    run = vault.restore(swap_rows, table="sellers").until("switch")
    before = vault.rows("sellers")
    with locked(vault, "olist.sellers"), pytest.raises(Busy, match=r"olist\.sellers.*Nothing was changed"):
        run.switch()
    assert vault.rows("sellers") == before
    run.switch()
    assert vault.rows("sellers") == rows


def test_second_restore_of_a_leased_table_names_the_first_run(vault: Vault, rows: list[str]) -> None:
    first = vault.restore(table="sellers")
    first.begin()
    second = vault.restore(
        tables=["sellers", "customers"], backup=vault.backup("sellers", "customers").backup_id
    )
    assert second.begin() == first.execution
    assert second.begin(dead=first.execution) == ""
    with pytest.raises(LeaseLost):
        first.check()
    assert AlreadyRunning.status == 409


class Failing:
    """S3 that is unavailable at first."""

    def __init__(self, s3: S3Client, failures: int) -> None:
        self._s3, self.failures = s3, failures

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if self.failures and name in ("get_object", "put_object"):
            self.failures -= 1
            raise EndpointConnectionError(endpoint_url="s3")
        call: Callable[..., Any] = getattr(self._s3, name)
        return call


def test_retried_files_and_page_ranges_count_once(vault: Vault, rows: list[str]) -> None:
    run = vault.restore(table="sellers", part_bytes=8192).until("load")
    items = [FileItem.model_validate(item) for item in vault.read_json(run.checked["key"])]
    s3 = cast("S3Client", Failing(vault.s3, 1))
    with pytest.raises(Unavailable):
        load_file(run.worker, s3, items[0])
    assert sum(load_file(run.worker, s3, item) for item in items * 2) == len(rows)
    replaced = len(vault.rows("sellers"))
    for step in ("settle", "compare", "switch"):
        run.take(step)
    planned = plan_safety_backup(run.control, vault.s3, run.settings, run.id)
    parts = [PageRange.model_validate(item) for item in vault.read_json(planned["key"])]
    s3 = cast("S3Client", Failing(vault.s3, 1))
    with pytest.raises(Unavailable):
        save_pages(run.worker, s3, parts[0])
    assert sum(save_pages(run.worker, s3, part) for part in parts * 2) == replaced
    assert plan_safety_backup(run.control, vault.s3, run.settings, run.id) == planned
    assert run.finish() == run.finish()
    assert manifest.read(vault.s3, "backup", "olist", run.id).tables[0].rows == replaced


class Bodies:
    """S3 that records the number of bytes of each call."""

    def __init__(self, s3: S3Client) -> None:
        self._s3, self.sizes = s3, list[int]()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            self.sizes.append(len(given.get("Body", b"")))
            return getattr(self._s3, name)(**given)

        return call


def test_large_page_range_is_uploaded_while_it_is_read(vault: Vault) -> None:
    vault.backup("category_translations")
    vault.database.query(
        "INSERT INTO olist.category_translations SELECT md5(n::text) || n, md5((-n)::text) || md5((n + 0.5)::text)"
        " || md5((n + 0.6)::text) || md5((n + 0.7)::text) || md5((n + 0.8)::text) FROM generate_series(1, 120000) n"
    )
    run = vault.restore(table="category_translations", part_bytes=1 << 30).until("keep")
    planned = plan_safety_backup(run.control, vault.s3, run.settings, run.id)
    (part,) = (PageRange.model_validate(item) for item in vault.read_json(planned["key"]))
    s3 = Bodies(vault.s3)
    save_pages(run.worker, cast("S3Client", s3), part)
    run.finish()
    (file,) = manifest.read(vault.s3, "backup", "olist", run.id).tables[0].files
    assert sum(s3.sizes) == file.size
    assert max(s3.sizes) < file.size * 3 / 4
    kept = vault.s3.get_object(Bucket="backup", Key=part.folder + part.key)["Body"].read()
    assert hashlib.sha256(kept).hexdigest() == file.sha256


def test_long_values_count_in_the_size_of_page_ranges(vault: Vault) -> None:
    vault.insert("customers", {"customer_id": 1})
    vault.insert("orders", {"order_id": 1, "customer_id": 1})
    vault.backup("order_reviews")
    vault.database.query(
        "INSERT INTO olist.order_reviews SELECT md5(n::text), (SELECT order_id FROM olist.orders), 1, NULL,"
        " (SELECT string_agg(md5(n || '-' || k), '') FROM generate_series(1, 1000) k), '2018-01-31', '2018-01-31'"
        " FROM generate_series(1, 200) n"
    )
    run = vault.restore(table="order_reviews", part_bytes=1 << 20).until("keep")
    run.keep()
    run.finish()
    (kept,) = manifest.read(vault.s3, "backup", "olist", run.id).tables
    assert (kept.rows, len(kept.files) > 2) == (200, True)
    assert max(file.rows for file in kept.files) < 100
