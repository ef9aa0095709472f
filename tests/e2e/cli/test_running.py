"""A running migration: following, detaching and stopping. Each test blocks its run until the checks are done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from typer.testing import CliRunner, Result

from dataforge_cli.main import app
from local.config import ROOT, Config
from local.generate import generate
from local.outputs import Outputs

Dataforge = Callable[..., Result]
ORDER = ("--prefix", "running", "--tables", "category_translations,sellers", "--threshold", "0", "--json")


@pytest.fixture(scope="module")
def dataforge(cloud: Outputs, cloud_config: Config) -> Dataforge:
    """Call the command line on the shared cloud."""
    return lambda *words: CliRunner().invoke(app, ["--outputs", str(cloud_config.outputs), *words])


@pytest.fixture(scope="module", autouse=True)
def data(dataforge: Dataforge, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Files in the bucket that were migrated once."""
    folder = tmp_path_factory.mktemp("running")
    generate(folder, 20, 12)
    assert dataforge("migrate", str(folder), *ORDER).exit_code == 0


@contextmanager
def no_run_ends(cloud: Outputs) -> Iterator[None]:
    """Within the context, every run waits for a lock at its first step."""
    with closing(psycopg2.connect(cloud["database_url"])) as db, db.cursor() as cursor:
        cursor.execute("LOCK TABLE dataforge.migrations IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def following(config: Config) -> Iterator[subprocess.Popen[str]]:
    """A separate process that follows a migration which has started."""
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "layers/common/python", "cli"))
    command = [sys.executable, "-m", "dataforge_cli", "--outputs", str(config.outputs)]
    with subprocess.Popen(
        [*command, "migrate", *ORDER],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Following "):
                break
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_following_and_prints_how_to_continue(
    dataforge: Dataforge, cloud: Outputs, cloud_config: Config
) -> None:
    with no_run_ends(cloud), following(cloud_config) as process:
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    document = json.loads(stdout)
    assert document["status"] == "running"
    name = document["execution"].rpartition(":")[2]
    assert f"dataforge status --follow {name}" in stderr
    assert f"dataforge stop {name}" in stderr
    assert "Traceback" not in stderr
    followed = dataforge("status", name, "--follow", "--json")
    assert followed.exit_code == 0, followed.stderr
    assert json.loads(followed.stdout)["status"] == "published"


def test_stopped_run_fails_as_stopped_and_the_next_run_is_not_blocked(
    dataforge: Dataforge, cloud: Outputs
) -> None:
    with no_run_ends(cloud):
        started = json.loads(dataforge("migrate", *ORDER, "--no-follow").stdout)
        running = dataforge("status", started["execution"], "--json")
        assert running.exit_code == 0
        assert json.loads(running.stdout)["status"] == "running"
        assert dataforge("stop", started["execution"]).exit_code == 0
    result = dataforge("status", started["execution"], "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["execution"] == started["execution"]
    again = dataforge("migrate", *ORDER)
    assert again.exit_code == 0, again.stderr
