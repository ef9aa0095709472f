"""Steps that are repeated, killed or run concurrently, and sources that change during a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import DataForgeError, DiskFull, NotReconciled, SourceChanged, Unavailable
from dataforge.postgres.roles import LOAD, MIGRATE
from functions.migrate.load.load import load_chunk
from functions.migrate.resolve.resolve import resolve
from functions.migrate.run.ledger import Tally
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]


@pytest.fixture
def files(make_csv: MakeCsv) -> dict[str, bytes]:
    """Customers with a duplicate, a conflict and an invalid row, and orders with an orphan."""
    rows: list[dict[str, Any]] = [{"customer_id": n} for n in (1, 2, 3, 1)]
    rows += [{"customer_id": 2, "customer_city": "x"}, {"customer_id": "bad"}]
    orders = [{"order_id": n, "customer_id": n} for n in (1, 2, 9)]
    return {"customers": make_csv("customers", *rows), "orders": make_csv("orders", *orders)}


def start(forge: Forge, files: dict[str, bytes], chunk_bytes: int = 64) -> Migration:
    """A migration of the files, not begun."""
    forge.put(**files)
    document = {"tables": ["customers", "orders"], "quality_threshold": 0}
    return forge.migration(document, chunk_bytes)


def finish(run: Migration, step: str) -> list[tuple[int, ...]]:
    """Run the steps from this one on; return read, loaded, unchanged, deduplicated and rejected of customers and orders."""
    steps = ["scan", "cut", "load", "settle", "reconcile", "publish", "report"]
    answer = [run.take(name) for name in steps[steps.index(step) :]][-1]
    names = ("read", "loaded", "unchanged", "deduplicated", "rejected")
    return [tuple(t[name] for name in names) for t in answer["tables"]]


WANTED = [(6, 3, 0, 1, 2), (3, 2, 0, 0, 1)]
REJECTED = [(4, "foreign_key"), (6, "conflict"), (7, "string_pattern_mismatch")]


@pytest.mark.parametrize("filled", [False, True])
def test_each_step_is_idempotent(forge: Forge, files: dict[str, bytes], filled: bool) -> None:
    if filled:
        forge.put(
            "other/", customers=files["customers"].replace(b"0", b"f"), orders=files["orders"].splitlines()[0]
        )
        forge.migrate(prefix="other/", tables=["customers", "orders"], quality_threshold=0)
        forge.database.query("DELETE FROM dataforge.rejections")
    run = start(forge, files)
    answers = []
    for step in ("begin", "plan", "scan", "cut", "load", "settle", "reconcile", "publish", "report"):
        answers = [run.take(step), run.take(step)]
        assert step == "report" or answers[0] == answers[1]
    assert answers[0]["tables"] == answers[1]["tables"]
    assert [t["rejected"] for t in answers[0]["tables"]] == [2, 1]
    assert forge.rejections("line", "codes") == REJECTED


def kill(forge: Forge, db: Connection) -> None:
    """End the server's side of a connection, and wait until it is gone."""
    pid = db.info.backend_pid
    forge.database.query("SELECT pg_terminate_backend(%s, 5000)", pid)


def while_blocked(forge: Forge, db: Connection, table: str, work: Callable[[], Any]) -> Any:
    """Start the work while ``table`` is locked, kill its connection when it waits for the lock, and return its result."""
    guard = forge.database.superuser()
    guard.autocommit = False
    guard.cursor().execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        deadline = time.monotonic() + 10
        while not forge.database.query(waiting, db.info.backend_pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        kill(forge, db)
        guard.rollback()
        return future.exception(timeout=10)


def test_connection_killed_during_load_loses_no_row(forge: Forge, files: dict[str, bytes]) -> None:
    run = start(forge, files, 1 << 20).until("load")
    item = LoadItem.model_validate(next(i for i in run.items["load"] if i["tables"] == ["customers"]))
    # Its rows are copied by then; the rejections, which come last, wait.
    error = while_blocked(
        forge,
        run.worker,
        "dataforge.rejections",
        lambda: load_chunk(run.worker, forge.s3, run.settings, item),
    )
    assert isinstance(error, Unavailable)
    assert forge.rejections("line") == []
    run.worker = forge.connection(LOAD)
    assert finish(run, "load") == WANTED
    assert forge.rejections("line", "codes") == REJECTED


@pytest.mark.parametrize(
    ("step", "table"),
    [
        ("plan", "dataforge.migration_chunks"),
        ("cut", "dataforge.migration_chunks"),
        ("settle", "dataforge.rejections"),
        ("reconcile", "dataforge.migration_tables"),
        ("publish", "olist.orders"),
        ("report", "dataforge.rejections"),
    ],
)
def test_connection_killed_during_step_leaves_step_repeatable(
    forge: Forge, files: dict[str, bytes], step: str, table: str
) -> None:
    run = start(forge, files).until(step)
    assert isinstance(while_blocked(forge, run.control, table, lambda: run.take(step)), Unavailable)
    run.control = forge.connection(MIGRATE)
    if step == "plan":
        run.take("plan")
    assert finish(run, "scan" if step == "plan" else step) == WANTED
    assert forge.rejections("line", "codes") == REJECTED


def test_chunk_loaded_by_two_workers_at_once_counts_once(forge: Forge, files: dict[str, bytes]) -> None:
    run = start(forge, files, 1 << 20).until("load")
    item = LoadItem.model_validate(next(i for i in run.items["load"] if i["tables"] == ["customers"]))
    connections = [forge.database.connect(LOAD) for _ in range(4)]
    gate = threading.Barrier(4)

    def work(db: Connection) -> dict[str, Tally]:
        gate.wait(5)
        return load_chunk(db, forge.s3, run.settings, item)

    with ThreadPoolExecutor(4) as pool:
        tallies = list(pool.map(work, connections))
    assert [len(tally) for tally in tallies].count(1) == 1
    assert finish(run, "load") == WANTED


def test_tables_are_resolved_in_parallel(forge: Forge, make_csv: MakeCsv) -> None:
    names = ["customers", "sellers", "products", "category_translations", "geolocations"]
    forge.put(**{name: make_csv(name, {}, {}) for name in names})
    run = forge.migration({"tables": names}).until("settle")
    connections = [forge.database.connect(MIGRATE) for _ in names]
    with ThreadPoolExecutor(len(names)) as pool:
        pairs = zip(connections, names, strict=True)
        list(pool.map(lambda pair: resolve(pair[0], forge.s3, run.settings, run.id, pair[1]), pairs))
    run.reconcile()
    run.publish()
    assert {t["table"]: (t["loaded"], t["deduplicated"]) for t in run.report()["tables"]} == dict.fromkeys(
        names, (1, 1)
    )


@pytest.mark.parametrize("step", ["scan", "load", "settle"])
def test_run_fails_naming_source_replaced_during_run(
    forge: Forge, files: dict[str, bytes], step: str
) -> None:
    run = start(forge, files)
    changed = {"customers": files["customers"].replace(b"bad", b"BAD")}
    with pytest.raises(SourceChanged, match=r"olist/olist_customers_dataset\.csv was changed"):
        run.run(**{step: lambda: forge.put(**changed)})
    assert run.failure["error"] == "SourceChanged"
    assert forge.rows("customers") == []


def test_run_fails_naming_source_deleted_during_run(forge: Forge, files: dict[str, bytes]) -> None:
    run = start(forge, files)
    with pytest.raises(SourceChanged):
        run.run(load=lambda: forge.s3.delete_object(Bucket="raw", Key="olist/olist_orders_dataset.csv"))


def test_reconciliation_fails_when_chunk_was_not_loaded(forge: Forge, files: dict[str, bytes]) -> None:
    run = start(forge, files).until("load")
    run.items["load"].pop()
    run.load()
    run.settle()
    with pytest.raises(NotReconciled, match="1 chunk"):
        run.reconcile()


@pytest.mark.parametrize(
    "tamper",
    [
        "DELETE FROM {s}.customers",
        "UPDATE {s}.customers SET customer_city = 'x'",
        "INSERT INTO {s}.customers TABLE {s}.customers",
    ],
)
def test_shadow_that_differs_from_source_is_not_published(
    forge: Forge, files: dict[str, bytes], tamper: str
) -> None:
    run = start(forge, {**files, "customers": files["customers"].partition(b"bad")[0][:-33]}).until("settle")
    schema = f"shadow_{run.id.lower().replace('-', '_')}"
    forge.database.query(tamper.format(s=schema))
    run.settle()
    with pytest.raises(DataForgeError) as raised:
        run.reconcile()
    assert type(raised.value) is NotReconciled


def test_full_disk_fails_run_with_disk_full_and_shadows_are_dropped(
    forge: Forge, files: dict[str, bytes]
) -> None:
    run = start(forge, files)
    full = (
        "CREATE FUNCTION {s}.no_room() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
        " RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END$$;"
        "CREATE TRIGGER no_room BEFORE INSERT ON {s}.customers FOR EACH ROW WHEN (right(NEW.customer_id, 1) = '2')"
        " EXECUTE FUNCTION {s}.no_room(); GRANT EXECUTE ON FUNCTION {s}.no_room() TO PUBLIC"
    )

    def fill() -> None:
        forge.database.query(full.format(s=f"shadow_{run.id.lower().replace('-', '_')}"))

    with pytest.raises(DiskFull):
        run.run(load=fill)
    assert run.failure["error"] == "DiskFull"
    assert "has no free storage: its disk is full" in run.failure["cause"]
    assert forge.database.query("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'shadow%%'") == [(0,)]
    assert forge.rows("customers") == []
    assert finish(start(forge, files).until("scan"), "scan") == WANTED


@pytest.mark.parametrize("filled", [False, True])
def test_differing_rows_are_counted_in_error_and_listed_by_key_in_report(
    forge: Forge, make_csv: MakeCsv, filled: bool
) -> None:
    rows: list[dict[str, Any]] = [{"customer_id": n} for n in (1, 2, 3, 3)]
    body = make_csv(
        "customers", *rows, {"customer_id": 3, "customer_city": "conflict"}, {"customer_id": "bad"}
    )
    forge.put(customers=body)
    if filled:
        forge.database.query(
            "INSERT INTO olist.customers VALUES (%s, %s, '01037', 'x', 'SP')", *["f" * 32] * 2
        )
    run = forge.migration({"tables": ["customers"], "quality_threshold": 0}, chunk_bytes=64)

    def tamper() -> None:
        table = f"shadow_{run.id.lower().replace('-', '_')}.customers"
        forge.database.query(
            f"DELETE FROM {table} WHERE customer_id LIKE '%%1';"
            f"UPDATE {table} SET customer_city = 'x' WHERE customer_id LIKE '%%2';"
            f"INSERT INTO {table} VALUES (repeat('9', 32), repeat('9', 32), '01037', 'x', 'SP', 3)"
        )

    with pytest.raises(NotReconciled) as raised:
        run.run(settle=tamper)
    found = [f"read, not stored: customer_id = {n:032x}" for n in (1, 2)]
    found.insert(1, f"stored, not read: customer_id = {'9' * 32}")
    found.append(f"stored, not read: customer_id = {2:032x}")
    assert f"lists the first {len(found)} rows" in str(raised.value)
    assert "customer_id" not in str(raised.value)
    assert run.failure["cause"].startswith(str(raised.value))
    [table] = forge.read_json(f"runs/{run.id}/report.json")["tables"]
    assert table["differences"] == found
    assert table["source_hash"] != table["target_hash"]
