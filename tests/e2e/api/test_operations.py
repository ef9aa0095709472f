"""Backups and restores over HTTP and by the command line, on the deployed app."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import psycopg2
import pytest
from typer.testing import CliRunner

from dataforge_cli.main import app
from local.aws import ClientSettings
from local.config import Config
from local.outputs import Outputs

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.e2e.api.conftest import Call


DATASET = "quotes"
SECONDS = 120
"""For a run to end, on a busy machine; it takes a few."""

Do = Callable[..., Any]


@pytest.fixture(scope="module")
def dataforge(cloud: Outputs, cloud_config: Config) -> Do:
    """Run the command line, which must succeed; return its document."""

    def run(*words: str) -> Any:
        result = CliRunner().invoke(app, ["--outputs", str(cloud_config.outputs), *words, "--json"])
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    return run


@pytest.fixture
def request_run(call: Call, keys: dict[str, str]) -> Do:
    """Start a run over HTTP, and return its final status."""

    def run(path: str, **body: Any) -> Any:
        started = call("POST", path, keys["operator"], body={"dataset": DATASET, **body})
        assert started.status == 202, started
        return ended(call, keys, started.headers["location"])

    return run


def ended(call: Call, keys: dict[str, str], location: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while (found := call("GET", location, keys["operator"]).json)["status"] == "running":
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def made(cloud: Outputs, dataforge: Do) -> Any:
    """A backup of some authors, created by the command line."""
    with closing(psycopg2.connect(cloud["database_url"])) as db, db:
        execute(db, "INSERT INTO quotes.authors VALUES ('Ada'), ('Émile'), ('李白') ON CONFLICT DO NOTHING")
    return dataforge("backup", "--dataset", DATASET)


@pytest.fixture
def authors(superuser: Connection, made: Any) -> Callable[[], list[Any]]:
    """A function that returns the stored authors, which are those of the backup at first."""
    execute(superuser, "INSERT INTO quotes.authors VALUES ('Ada') ON CONFLICT DO NOTHING")
    return lambda: execute(superuser, "SELECT * FROM quotes.authors ORDER BY 1")


def execute(db: Connection, sql: str) -> list[Any]:
    with db.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_restore_over_http_restores_deleted_rows_and_undo_deletes_them_again(
    request_run: Do, superuser: Connection, authors: Any
) -> None:
    before = authors()
    backup = request_run("/v1/backups", tables=["authors"], verify=True)
    assert backup["status"] == "succeeded", backup
    assert backup["output"]["backup_id"] == backup["id"]
    execute(superuser, "DELETE FROM quotes.authors WHERE name = 'Ada'")
    damaged = authors()
    compared = request_run("/v1/restores", table="authors", dry_run=True)["output"]
    assert (compared["added"], compared["removed"], compared["changed"]) == (1, 0, 0)
    assert authors() == damaged
    restore = request_run("/v1/restores", table="authors", backup=backup["id"])
    assert restore["output"]["safety_backup"] == restore["id"]
    assert authors() == before
    assert request_run("/v1/restores", undo=restore["id"])["status"] == "succeeded"
    assert authors() == damaged


def test_command_line_creates_lists_verifies_and_restores_a_backup(
    dataforge: Do, made: Any, superuser: Connection, authors: Any
) -> None:
    before = authors()
    assert made["execution"].endswith(made["backup_id"])
    assert dataforge("backup", "verify", made["backup_id"])["verified"] is True
    listed = dataforge("backup", "list", "--dataset", DATASET)["backups"]
    assert [one["verified"] for one in listed if one["id"] == made["backup_id"]] == [True]
    execute(superuser, "DELETE FROM quotes.authors WHERE name = 'Ada'")
    restored = dataforge("restore", "--all", "--dataset", DATASET, "--backup", made["backup_id"])
    assert (restored["backup"], restored["added"]) == (made["backup_id"], 1)
    assert authors() == before
    assert dataforge("status", restored["restore_id"])["safety_backup"] == restored["safety_backup"]


@pytest.mark.parametrize(("reply", "code", "back"), [("n", 1, False), ("y", 0, True)])
def test_restore_shows_the_changes_and_prompts_for_confirmation(
    made: Any,
    cloud_config: Config,
    superuser: Connection,
    authors: Any,
    reply: str,
    code: int,
    back: bool,
) -> None:
    before, backup = authors(), made["backup_id"]
    execute(superuser, "DELETE FROM quotes.authors WHERE name = 'Ada'")
    words = ["restore", "authors", "--dataset", DATASET, "--backup", backup]
    found = answered(reply, [*words, "--outputs", str(cloud_config.outputs)])
    assert found.returncode == code, found.stderr
    assert f"from {backup} would make these changes" in found.stdout
    assert "Restore?" in found.stderr
    assert (authors() == before) is back


def answered(reply: str, words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the command line in a terminal and type a line."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{reply}\n".encode())
        command = [sys.executable, "-m", "dataforge_cli", *words]
        return subprocess.run(
            command, stdin=theirs, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)


def test_run_started_in_the_console_is_found_by_its_id_and_listed(
    call: Call, keys: dict[str, str], cloud: Outputs, aws: ClientSettings, authors: Any
) -> None:
    states = boto3.client("stepfunctions", **aws)
    order = json.dumps({"dataset": DATASET, "tables": ["authors"]})
    arn = states.start_execution(stateMachineArn=cloud["backup_arn"], name="by-hand", input=order)[
        "executionArn"
    ]
    deadline = time.monotonic() + SECONDS
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    output = json.loads(found["output"])
    answer = call("GET", f"/v1/backups/{output['backup_id']}", keys["operator"]).json
    # The complete output shows that it was found by its execution, not by its manifest.
    assert (answer["status"], answer["output"]) == ("succeeded", output)
    listed = call("GET", f"/v1/backups?dataset={DATASET}&limit=1", keys["operator"]).json["data"]
    assert [one["id"] for one in listed] == [output["backup_id"]]


def test_refused_run_has_its_reason(request_run: Do) -> None:
    found = request_run("/v1/restores", table="authors", backup="20200101T000000Z-0123abcd")
    assert (found["status"], found["error"]) == ("failed", "NoSuchBackup")
    assert "20200101T000000Z-0123abcd" in found["cause"]


def test_refused_backup_ends_and_releases_its_leases(request_run: Do, superuser: Connection) -> None:
    execute(superuser, "ALTER TABLE quotes.tags ADD COLUMN mine integer")
    try:
        found = request_run("/v1/backups", tables=["tags"])
    finally:
        execute(superuser, "ALTER TABLE quotes.tags DROP COLUMN mine")
    assert (found["status"], found["error"]) == ("failed", "TableChanged")
    assert "mine" in found["cause"]


def test_run_whose_first_step_would_receive_too_much_fails_with_a_code(
    cloud: Outputs, aws: ClientSettings
) -> None:
    """The largest input of an execution exceeds that of a task with the execution's id beside it."""
    states = boto3.client("stepfunctions", **aws)
    given = json.dumps({"dataset": DATASET, "tables": ["a" * 262_000]})
    run = states.start_execution(stateMachineArn=cloud["backup_arn"], input=given)["executionArn"]
    deadline = time.monotonic() + SECONDS
    while (found := states.describe_execution(executionArn=run))["status"] == "RUNNING":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    assert (found["status"], found["error"]) == ("FAILED", "TooMuchData")


@pytest.mark.parametrize("kind", ["none", "reader", "writer"])
def test_only_an_operator_key_starts_runs(
    call: Call, keys: dict[str, str], cloud: Outputs, aws: ClientSettings, kind: str
) -> None:
    states = boto3.client("stepfunctions", **aws)

    def runs() -> int:
        machines = (cloud["backup_arn"], cloud["restore_arn"])
        return sum(len(states.list_executions(stateMachineArn=m)["executions"]) for m in machines)

    before = runs()
    for path, body in (("/v1/backups", {}), ("/v1/restores", {"table": "orders", "dry_run": True})):
        assert call("POST", path, keys[kind], body=body).problem == (403, "wrong-key")
    assert runs() == before
