"""Without free connections, every kind of run fails with the code Unavailable, and reports the reason while it waits.

Workers cannot record their errors, and some runs can be neither begun nor abandoned. Each of these cases is covered.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import urllib3
from typer.testing import CliRunner, Result

from dataforge_cli.main import app
from local import cloud
from local.config import Config
from local.generate import generate
from local.outputs import Outputs

ROLES = ("dataforge_load", "dataforge_refill", "dataforge_backup", "dataforge_export")
SECONDS = 600
"""For a run to give up: each of its last three steps is tried for two minutes."""


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[tuple[Config, Outputs]]:
    config = Config(
        state=tmp_path_factory.mktemp("cloud") / "state", aws_port=free_port(), pg_port=free_port()
    )
    with cloud.running(config) as outputs:
        yield config, outputs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("olist")
    generate(found, 20, 5)
    return found


def dataforge(config: Config, *words: str) -> Result:
    return CliRunner().invoke(app, ["--outputs", str(config.outputs), *words, "--json"])


def export(config: Config, outputs: Outputs) -> dict[str, Any]:
    """How an export over HTTP ends."""
    pool, headers = urllib3.PoolManager(), {"x-api-key": outputs["api_key"]}
    made = pool.request(
        "POST", f"{outputs['api_url']}/v1/exports", json={"table": "sellers"}, headers=headers
    ).json()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = pool.request("GET", f"{outputs['api_url']}/v1/exports/{made['id']}", headers=headers).json()
        if found["status"] != "running":
            return dict(found)
        time.sleep(2)
    raise AssertionError("the export does not end")


def limit(outputs: Outputs, number: int) -> None:
    """Set the connection limit of each role, and terminate its connections."""
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        for role in ROLES:
            cursor.execute(f"ALTER ROLE {role} CONNECTION LIMIT {number}")
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)", (list(ROLES),)
        )


def test_runs_without_a_connection_fail_as_unavailable_and_report_it_while_they_wait(
    deployed: tuple[Config, Outputs], folder: Path
) -> None:
    config, outputs = deployed
    assert dataforge(config, "migrate", str(folder)).exit_code == 0
    assert dataforge(config, "backup").exit_code == 0
    limit(outputs, 0)
    calls = {
        # Workers have no connection: the error is recorded by Step Functions.
        "dataforge_load": ("migrate", str(folder), "--tables", "customers"),
        "dataforge_refill": ("restore", "sellers", "--dry-run"),
        # Not even the first step has one, nor the last: the error is explained without a database.
        "dataforge_backup": ("backup",),
    }
    # CliRunner replaces the process's streams: one call at a time starts, and each is followed afterwards.
    started = {
        role: json.loads(dataforge(config, *words, "--no-follow").stdout) for role, words in calls.items()
    }
    with ThreadPoolExecutor(1) as pool:
        exported = pool.submit(export, config, outputs)
        for role, run in started.items():
            result = dataforge(config, "status", run["execution"], "--follow")
            assert result.exit_code == 1, result.stderr
            document = json.loads(result.stdout)
            assert document["error"] == "Unavailable"
            assert f"Cannot connect to the database as {role}: too many connections" in document["cause"]
            if role == "dataforge_load":
                assert "waiting to retry: Unavailable: Cannot connect" in result.stderr
        answer = exported.result(SECONDS)
        assert (answer["status"], answer["error"]) == ("failed", "Unavailable")
    limit(outputs, -1)
    assert dataforge(config, "migrate", str(folder), "--tables", "customers").exit_code == 0
    assert dataforge(config, "restore", "sellers", "--dry-run").exit_code == 0
    assert dataforge(config, "backup").exit_code == 0
