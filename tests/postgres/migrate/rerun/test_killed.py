"""Killed workers, server crashes and restarted runs: the result is always the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from dataforge.aws.failures import Failure
from dataforge.errors import Unavailable
from dataforge.postgres import shadow
from dataforge.postgres.roles import LOAD, MIGRATE
from dataforge.runs.lifecycle import close_run
from functions.migrate.lifecycle.resume import MIGRATIONS
from functions.migrate.load.load import load_chunk
from functions.migrate.run.work_items import LoadItem
from local.config import ROOT

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.migrate.conftest import Forge, Migration

pytestmark = pytest.mark.slow

MakeCsv = Callable[..., bytes]
TABLES = ("customers", "orders")
DOCUMENT: dict[str, Any] = {"tables": [*TABLES], "quality_threshold": 0}
STEPS = ("begin", "plan", "scan", "cut", "load", "settle", "reconcile", "publish", "report")
HALT = """
    CREATE FUNCTION public.halt() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
    CREATE TRIGGER halt BEFORE INSERT ON {table} FOR EACH ROW WHEN (NEW.customer_city = 'halt')
    EXECUTE FUNCTION public.halt()
"""
WORKER = """
import io, json, sys
from dataforge.postgres.connection import connect
from dataforge.settings import DatabaseSettings, RejectionLimits
from functions.migrate.run.work_items import LoadItem
from functions.migrate.load.load import load_chunk

class Folder:
    def get_object(self, Bucket, Key, IfMatch, Range):
        start, end = map(int, Range.removeprefix("bytes=").split("-"))
        return {"Body": io.BytesIO(body[start : end + 1])}

settings, password, item, path = json.loads(sys.argv[1])
body = open(path, "rb").read()
limits = RejectionLimits(report_bucket="report")
load_chunk(connect(DatabaseSettings(**settings), password), Folder(), limits, LoadItem(**item))
"""


@pytest.fixture
def files(make_csv: MakeCsv) -> dict[str, bytes]:
    """Customers with a duplicate, a conflict, an invalid row and a last row at which a COPY can be halted; an orphan."""
    rows: list[dict[str, Any]] = [{"customer_id": n} for n in (1, 2, 3, 1)]
    rows += [{"customer_id": 2, "customer_city": "x"}, {"customer_id": "bad"}]
    rows.append({"customer_id": 4, "customer_city": "halt"})
    orders = [{"order_id": n, "customer_id": n} for n in (1, 2, 9)]
    return {"customers": make_csv("customers", *rows), "orders": make_csv("orders", *orders)}


@pytest.fixture(scope="module", autouse=True)
def durable(module_database: Database) -> None:
    """Make commits durable; the tests' server may otherwise lose the newest ones in a crash."""
    module_database.query(f"ALTER DATABASE {module_database.name} SET synchronous_commit = on")


@pytest.fixture
def wanted(used_forge: Forge, files: dict[str, bytes]) -> list[list[str]]:
    """The rows after an undisturbed run. The tables are emptied before and after it."""
    used_forge.database.query("DELETE FROM dataforge.leases")
    empty(used_forge)
    used_forge.put(**files)
    used_forge.migration(DOCUMENT).run()
    found = [used_forge.rows(table) for table in TABLES]
    empty(used_forge)
    return found


def empty(forge: Forge) -> None:
    forge.database.query("TRUNCATE olist.customers, olist.orders, olist.order_items, olist.order_payments,"
                         " olist.order_reviews, dataforge.rejections")  # fmt: skip


def until(true: Callable[[], Any], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def halted(database: Database, run: Migration) -> Iterator[Callable[[], int]]:
    """Halt a COPY of customers at its last row. Yields a function that waits for it and returns its backend's id."""
    table = f"{shadow.schema_of(run.id)}.customers"
    database.query(HALT.format(table=table))
    guard = database.superuser()
    guard.cursor().execute("SELECT pg_advisory_lock(1)")
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
    )

    def halt() -> int:
        return int(database.until(waiting)[0][0])

    try:
        yield halt
    finally:
        guard.close()
        until(lambda: accepts(database))
        database.query(f"DROP TRIGGER halt ON {table}; DROP FUNCTION public.halt")


def accepts(database: Database) -> bool:
    try:
        database.query("SELECT 1")
    except psycopg2.OperationalError:
        return False
    return True


def customers(run: Migration) -> LoadItem:
    return LoadItem.model_validate(next(i for i in run.items["load"] if i["tables"] == ["customers"]))


def finish(forge: Forge, run: Migration, end: str = "") -> None:
    """Run the steps from the load up to ``end`` with new connections."""
    run.worker, run.control = forge.database.connect(LOAD), forge.database.connect(MIGRATE)
    for step in STEPS[STEPS.index("load") : STEPS.index(end) if end else None]:
        run.take(step)


def assert_as_wanted(forge: Forge, wanted: list[list[str]]) -> None:
    assert [forge.rows(table) for table in TABLES] == wanted
    codes = forge.rejections("table", "line", "codes")
    assert [code for *_, code in codes] == ["conflict", "string_pattern_mismatch", "foreign_key"]


def test_worker_killed_during_copy_stores_nothing(
    used_forge: Forge, files: dict[str, bytes], wanted: list[list[str]], tmp_path: Path
) -> None:
    run = used_forge.migration(DOCUMENT).until("load")
    (tmp_path / "customers.csv").write_bytes(files["customers"])
    settings = used_forge.database.settings(LOAD).model_dump()
    event = json.dumps(
        [settings, "for the tests", customers(run).model_dump(), str(tmp_path / "customers.csv")]
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "layers/common/python")])
    with halted(used_forge.database, run) as halt:
        command = [sys.executable, "-c", WORKER, event]
        with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}) as process:
            try:
                halt()
            finally:
                process.kill()
    assert process.returncode == -signal.SIGKILL
    # The next worker waits for the chunk's entry until PostgreSQL has noticed.
    finish(used_forge, run)
    assert_as_wanted(used_forge, wanted)
    empty(used_forge)


def test_server_crashes_during_copy_and_before_publication_lose_no_row(
    used_forge: Forge, files: dict[str, bytes], wanted: list[list[str]]
) -> None:
    run = used_forge.migration(DOCUMENT).until("load")
    with halted(used_forge.database, run) as halt, ThreadPoolExecutor(1) as pool:
        future = pool.submit(load_chunk, run.worker, used_forge.s3, run.settings, customers(run))
        crash(used_forge.database, halt())
        used_forge.database.warm.clear()
        assert isinstance(future.exception(timeout=30), Unavailable)
    finish(used_forge, run, "publish")
    crash(used_forge.database, run.control.info.backend_pid)
    until(lambda: accepts(used_forge.database))
    with pytest.raises(Unavailable):
        run.publish()
    finish(used_forge, run)
    assert_as_wanted(used_forge, wanted)
    empty(used_forge)
    used_forge.database.warm.clear()


def crash(database: Database, backend: int) -> None:
    """Kill a backend: PostgreSQL then ends all processes and recovers. Returns when the other connections have ended."""
    witness = database.superuser()
    os.kill(backend, signal.SIGKILL)
    with pytest.raises(psycopg2.OperationalError):
        witness.cursor().execute("SELECT pg_sleep(60)")


def test_run_restarted_before_any_step_has_same_result(
    used_forge: Forge, files: dict[str, bytes], wanted: list[list[str]]
) -> None:
    hashes = set()
    for step in STEPS[1:]:
        dead = used_forge.migration(DOCUMENT).until(step)
        close_run(dead.control, MIGRATIONS, dead.execution, "aborted", Failure("ABORTED", "stopped"))
        used_forge.database.query("DELETE FROM dataforge.rejections WHERE migration_id = %s", dead.id)
        run = used_forge.migration(DOCUMENT)
        run.run()
        if step != "report":
            assert_as_wanted(used_forge, wanted)
        report = used_forge.read_json(f"runs/{run.id}/report.json")
        hashes |= {(t["table"], t["source_hash"], t["target_hash"]) for t in report["tables"]}
        empty(used_forge)
    assert len(hashes) == len(TABLES)
    assert all(source == target for _, source, target in hashes)
