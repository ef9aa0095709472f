"""Lambda workers whose processes are killed during a load: the state machine retries, and no row is loaded twice."""

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
    SELECT FROM pg_stat_activity
    WHERE usename = 'dataforge_load' AND wait_event_type = 'Lock' AND query LIKE 'COPY dataforge.rejections%'
"""


def await_waiting_worker(db: Connection) -> None:
    """Return when the transaction of a worker waits for the lock on the rejections."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with db.cursor() as cursor:
            cursor.execute(WAITING)
            if cursor.rowcount:
                return
        time.sleep(0.05)
    raise AssertionError("no worker waits")


def workers(config: Config) -> list[psutil.Process]:
    """The processes of the cloud's function that loads."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if any("MigrateLoad" in word and str(config.temp) in word for word in words):
                found.append(process)
    return found


def runs(process: psutil.Process) -> bool:
    """Whether the process has not ended."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


@pytest.mark.slow
def test_run_publishes_after_its_workers_were_killed_during_the_load(
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
            await_waiting_worker(superuser)
            killed = workers(cloud_config)
            for worker in killed:
                worker.kill()
            assert killed
            # The emulator does not collect the status of a process that had no work: it remains as a zombie.
            while any(map(runs, killed)):
                time.sleep(0.05)
        result = future.result(120)
    assert result.exit_code == 0, result.stderr
    found = {t["table"]: [t[name] for name in COUNTS] for t in json.loads(result.stdout)["tables"]}
    assert found == {n: [getattr(one, name) for name in COUNTS] for n, one in expected.tables.items()}
