"""Killed, stopped, overtaken, written to meanwhile: the tables are as they were, or as the backup has them."""

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
    """What a backup of sellers holds; since then some were deleted and some are new."""
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
    """While somebody else has a lock on the relation that conflicts with every other."""
    db = vault.database.superuser()
    db.autocommit = False
    db.cursor().execute(f"LOCK TABLE {relation} IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        db.close()


def kill(vault: Vault) -> None:
    """End the connection of a restore's function once it waits for a lock; give up when it would itself."""
    waiting = "FROM pg_stat_activity WHERE usename = ANY(%s) AND wait_event_type = 'Lock' AND datname = current_database()"
    db = vault.database.superuser()
    killed: list[Any] = []
    deadline = time.monotonic() + 20
    while not killed and time.monotonic() < deadline:
        with db.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) {waiting}", ([RESTORE, REFILL],))
            killed = cursor.fetchall()
    db.close()


@pytest.mark.parametrize(
    ("swap_rows", "step"), [*((SWAP, s) for s in STEPS), *((MERGE, s) for s in MERGE_STEPS)]
)
def test_killed_in_any_step_nothing_is_half_done_and_the_step_can_be_repeated(
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
def test_stopped_before_the_switch_nothing_is_changed_or_left(
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
def test_stopped_after_the_switch_what_was_replaced_is_kept_until_it_is_finished(
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
def test_what_is_written_until_the_switch_is_in_the_safety_backup(
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
def test_a_child_that_comes_before_the_switch_is_not_orphaned(vault: Vault, swap_rows: int) -> None:
    vault.insert("customers", {"customer_id": 1})
    vault.backup("customers")
    vault.insert("customers", {"customer_id": 2})
    run = vault.restore(swap_rows, table="customers")
    with pytest.raises(WouldOrphan, match=r"1 row\(s\) of olist.orders"):
        run.run(switch=lambda: vault.insert("orders", {"order_id": 1, "customer_id": 2}))
    assert (len(vault.rows("customers")), vault.leftovers()) == (2, [])


@both
def test_a_parent_that_goes_before_the_switch_is_missed(vault: Vault, swap_rows: int) -> None:
    vault.insert("customers", {"customer_id": 1})
    vault.insert("orders", {"order_id": 1, "customer_id": 1})
    vault.backup("orders")
    vault.database.query("DELETE FROM olist.orders")
    with pytest.raises(WouldOrphan, match="orders_customer_id_fkey"):
        vault.restore(swap_rows, table="orders").run(
            switch=lambda: vault.database.query("DELETE FROM olist.customers")
        )
    assert (vault.rows("orders"), vault.leftovers()) == ([], [])


def test_an_older_snapshot_goes_on_reading_the_old_rows(vault: Vault, rows: list[str]) -> None:
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


def test_a_snapshot_that_is_younger_than_the_load_reads_all_of_the_new_rows(
    vault: Vault, rows: list[str]
) -> None:
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


def test_a_transaction_in_another_database_does_not_keep_tables_from_being_swapped(
    vault: Vault, rows: list[str]
) -> None:
    elsewhere = vault.database.server.superuser()
    elsewhere.autocommit = False
    elsewhere.cursor().execute("SELECT")
    before = vault.database.query("SELECT 'olist.sellers'::regclass::oid")
    vault.restore(SWAP, table="sellers").run()
    elsewhere.close()
    assert vault.database.query("SELECT 'olist.sellers'::regclass::oid") != before


def test_autovacuum_is_kept_from_what_is_loaded_but_not_from_what_is_restored(
    vault: Vault, rows: list[str]
) -> None:
    run = vault.restore(SWAP, table="sellers").until("load")
    options = "SELECT reloptions FROM pg_class WHERE oid = (%s || '.sellers')::regclass"
    assert vault.database.query(options, schema_of(run.id)) == [(["autovacuum_enabled=false"],)]
    for step in STEPS[STEPS.index("load") :]:
        run.take(step)
    assert vault.database.query(options, "olist") == [(None,)]


def test_a_backup_that_holds_a_snapshot_neither_waits_nor_is_disturbed(vault: Vault, rows: list[str]) -> None:
    holder = vault.database.superuser()
    holder.autocommit = False
    cursor, old = holder.cursor(), len(vault.rows("sellers"))
    snapshot.share_tables(cursor, OLIST)
    snapshot.export_new(cursor, [OLIST.table("sellers")])
    vault.restore(SWAP, table="sellers").run()
    cursor.execute("SELECT count(*) FROM olist.sellers")
    seen = cursor.fetchone()
    holder.close()
    assert (seen, vault.rows("sellers")) == ((old,), rows)


@both
def test_a_long_writer_makes_the_switch_give_way(vault: Vault, rows: list[str], swap_rows: int) -> None:
    run = vault.restore(swap_rows, table="sellers").until("switch")
    before = vault.rows("sellers")
    with locked(vault, "olist.sellers"), pytest.raises(Busy, match=r"olist\.sellers.*Nothing was changed"):
        run.switch()
    assert vault.rows("sellers") == before
    run.switch()
    assert vault.rows("sellers") == rows


def test_a_second_restore_of_the_table_is_told_who_holds_it(vault: Vault, rows: list[str]) -> None:
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
    """S3 that cannot be reached at first."""

    def __init__(self, s3: S3Client, failures: int) -> None:
        self._s3, self.failures = s3, failures

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if self.failures and name in ("get_object", "put_object"):
            self.failures -= 1
            raise EndpointConnectionError(endpoint_url="s3")
        call: Callable[..., Any] = getattr(self._s3, name)
        return call


def test_files_and_parts_count_once_however_often_they_are_tried(vault: Vault, rows: list[str]) -> None:
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
    """S3 that notes how many bytes each call sends."""

    def __init__(self, s3: S3Client) -> None:
        self._s3, self.sizes = s3, list[int]()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            self.sizes.append(len(given.get("Body", b"")))
            return getattr(self._s3, name)(**given)

        return call


def test_a_large_part_is_sent_to_s3_while_it_is_read(vault: Vault) -> None:
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


def test_long_values_count_when_a_replaced_table_is_cut_into_parts(vault: Vault) -> None:
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
