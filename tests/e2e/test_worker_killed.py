"""A Lambda worker whose process is killed during a load: the state machine retries, and no row is loaded twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg2
import pytest
from typer.testing import CliRunner

from dataforge_cli.main import app
from local.config import Config
from local.generate import generate
from local.outputs import Outputs

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


COUNTS = ("read", "loaded", "deduplicated", "rejected")
WAITING = """
    SELECT client_port FROM pg_stat_activity
    WHERE usename = 'dataforge_load' AND wait_event_type = 'Lock' AND query LIKE 'COPY dataforge.rejections%'
"""


def waiting_worker(db: Connection) -> psutil.Process:
    """The process of a worker whose transaction waits for the lock on the rejections."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with db.cursor() as cursor:
            cursor.execute(WAITING)
            ports = {port for (port,) in cursor.fetchall()}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(one.laddr.port in ports for one in process.net_connections("tcp")):
                    return process
        time.sleep(0.05)
    raise AssertionError("no worker waits")


@pytest.mark.slow
def test_run_publishes_after_a_worker_was_killed_during_the_load(
    cloud: Outputs,
    cloud_config: Config,
    superuser: Connection,
    empty_olist: Callable[[], None],
    tmp_path: Path,
) -> None:
    expected = generate(tmp_path, 20, 13, 0.1)
    empty_olist()
    words = ["migrate", str(tmp_path), "--prefix", "killed", "--threshold", "0", "--json"]
    with ThreadPoolExecutor(1) as pool:
        with closing(psycopg2.connect(cloud["database_url"])) as guard:
            guard.cursor().execute("LOCK TABLE dataforge.rejections IN SHARE ROW EXCLUSIVE MODE")
            future = pool.submit(CliRunner().invoke, app, ["--outputs", str(cloud_config.outputs), *words])
            worker = waiting_worker(superuser)
            worker.kill()
            worker.wait(10)
        result = future.result(120)
    assert result.exit_code == 0, result.stderr
    found = {t["table"]: [t[name] for name in COUNTS] for t in json.loads(result.stdout)["tables"]}
    assert found == {n: [getattr(one, name) for name in COUNTS] for n, one in expected.tables.items()}
