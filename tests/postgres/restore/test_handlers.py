"""The restore's functions as Lambda calls them, with settings from the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.backups.manifest import Reference
from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.errors import Busy, DamagedBackup, Unexpected, UnsignedBackup
from dataforge.postgres.roles import REFILL, RESTORE
from dataforge.s3.keys import backup_folder
from functions.restore.handler import control, work
from tests.signing import sign

if TYPE_CHECKING:
    from tests.postgres.restore.conftest import Vault

Call = Callable[..., Any]
CONTEXT: Any = SimpleNamespace(
    function_name="restore",
    memory_limit_in_mb=WHOLE_PROCESSOR_MEGABYTES,
    invoked_function_arn="arn:restore",
    aws_request_id="request",
)


@pytest.fixture
def call(vault: Vault, environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call a handler with a JSON event, in the environment of its function."""
    environment(vault.database, RESTORE, backup_bucket="backup", report_bucket="report", swap_rows="0")

    def run(handler: Any, **event: Any) -> Any:
        monkeypatch.setenv("DB_USER", REFILL if handler is work else RESTORE)
        return json.loads(json.dumps(handler(json.loads(json.dumps(event)), CONTEXT)))

    return run


@pytest.fixture
def execution(request: pytest.FixtureRequest) -> str:
    """The execution; a run's id is derived from it."""
    return f"arn:aws:states:us-east-1:1:execution:restore:{request.node.name}"


@pytest.fixture
def held(vault: Vault) -> list[str]:
    """The rows of a backup of sellers, which were deleted since; one new seller was inserted."""
    vault.insert("sellers", *({"seller_id": n} for n in range(1, 20)))
    vault.backup("sellers", parts=2)
    rows = vault.rows("sellers")
    vault.database.query("DELETE FROM olist.sellers")
    vault.insert("sellers", {"seller_id": 99})
    return rows


def begin_and_check(call: Call, execution: str) -> tuple[str, dict[str, Any]]:
    """The id of a restore of sellers, and the answer of the check."""
    begun = begin(call, execution, table="sellers")
    run_id = begun["restore_id"]
    return run_id, call(control, step="check", restore_id=run_id, signature=begun["signature"])


def begin(call: Call, execution: str, **document: Any) -> dict[str, Any]:
    """Begin a run; returns the answer."""
    started = "2026-11-22T10:00:00.123Z"
    answer: dict[str, Any] = call(control, step="begin", execution=execution, started=started, input=document)
    assert answer["holder"] == ""
    return answer


def test_run_of_all_steps_restores_the_rows_and_counts_them_once(
    vault: Vault, call: Call, held: list[str], execution: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = begin(call, execution, table="sellers")
    run = {"restore_id": begun["restore_id"]}
    assert begun["next"] == "check"
    checked = call(control, step="check", signature=begun["signature"], **run)
    for item in vault.read_json(checked["key"]):
        assert call(work, **item) == {}
    for table in checked["tables"]:
        call(control, step="settle", table=table, **run)
    assert call(control, step="compare", **run) == {"next": "build"}
    for step in ("build", "link"):
        call(control, step=step, table="sellers", **run)
    call(control, step="switch", execution=execution, **run)
    for item in vault.read_json(call(control, step="keep", **run)["key"]):
        assert call(work, **item) == {}
    signed = call(control, step="manifest", **run)
    mac = sign("backup", "olist", run["restore_id"], Reference.of(signed), "safety")
    output = call(control, step="finish", signature=signed, mac=mac, **run)
    assert [output[n] for n in ("restored", "added", "removed", "safety_backup")] == [
        19,
        19,
        1,
        run["restore_id"],
    ]
    assert (vault.rows("sellers"), vault.leftovers()) == (held, [])
    documents = map(json.loads, capsys.readouterr().out.splitlines())
    # Rows of the safety backup do not count as restored.
    assert sum(sum(document["RowsRestored"]) for document in documents) == 19
    recorded = "SELECT result, object->>'safety_backup' FROM dataforge.audit WHERE principal = %s ORDER BY id"
    assert vault.database.query(recorded, execution) == [
        ("started", None),
        ("applied", None),
        ("succeeded", run["restore_id"]),
    ]


def test_execution_that_an_earlier_version_started_ends_with_an_unsigned_safety_backup(
    vault: Vault, call: Call, held: list[str], execution: str
) -> None:
    """The state machine of that version passes neither signatures nor HMACs."""
    run = {"restore_id": begin(call, execution, table="sellers")["restore_id"]}
    checked = call(control, step="check", **run)
    for item in vault.read_json(checked["key"]):
        call(work, **item)
    call(control, step="settle", table="sellers", **run)
    call(control, step="compare", **run)
    for step in ("build", "link"):
        call(control, step=step, table="sellers", **run)
    call(control, step="switch", execution=execution, **run)
    for item in vault.read_json(call(control, step="keep", **run)["key"]):
        call(work, **item)
    output = call(control, step="finish", **run)
    assert (output["restored"], output["signed"]) == (19, False)
    assert (vault.rows("sellers"), vault.leftovers()) == (held, [])
    with pytest.raises(UnsignedBackup):
        vault.restore(undo=run["restore_id"]).run()
    assert vault.restore(undo=run["restore_id"], unsigned=True).run()["removed"] == 19


def test_error_of_a_worker_is_the_cause_of_the_failed_run(
    vault: Vault, call: Call, held: list[str], execution: str
) -> None:
    _, checked = begin_and_check(call, execution)
    items = vault.read_json(checked["key"])
    file = items[1]["file"]
    key = backup_folder(items[1]["dataset"], items[1]["backup_id"]) + file["key"]
    vault.s3.put_object(Bucket="backup", Key=key, Body=b"x" * file["size"])
    with pytest.raises(DamagedBackup):
        call(work, **items[1])
    # A Distributed Map reports only that too many children failed.
    error = {"Error": "States.ExceedToleratedFailureThreshold", "Cause": "The specified tolerated …"}
    answer = call(control, step="abandon", execution=execution, error=error)
    assert answer["error"] == "DamagedBackup"
    assert key.partition("/sellers/")[2] in answer["cause"]
    assert vault.leftovers() == []


def test_temporary_failure_of_a_worker_is_not_recorded(
    vault: Vault, call: Call, held: list[str], execution: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, checked = begin_and_check(call, execution)
    first, second = vault.read_json(checked["key"])
    call(work, **first)
    monkeypatch.setenv("DB_LOCK_SECONDS", "1")
    guard = vault.database.superuser()
    guard.autocommit = False
    guard.cursor().execute("LOCK TABLE dataforge.restore_pieces IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(Busy):
        call(work, **second)
    guard.rollback()
    noted = "SELECT count(error) FROM dataforge.restore_pieces WHERE restore_id = %s"
    assert vault.database.query(noted, run_id) == [(0,)]
    assert call(work, **second) == {}
    call(control, step="release", execution=execution, status="ABORTED")


def test_release_of_a_stopped_execution_drops_its_shadows_and_of_an_unknown_one_does_nothing(
    vault: Vault, call: Call, held: list[str], execution: str
) -> None:
    run_id, _ = begin_and_check(call, execution)
    ended = "SELECT status, error FROM dataforge.restores WHERE restore_id = %s"
    assert len(vault.leftovers()) == 2
    assert call(control, step="release", execution=execution, status="TIMED_OUT") == {"restore_id": run_id}
    assert vault.leftovers() == []
    assert vault.database.query(ended, run_id) == [("timed_out", "TimedOut")]
    assert call(control, step="release", execution="arn:none", status="ABORTED") == {"restore_id": None}


@pytest.mark.parametrize("event", [{}, {"restore_id": "x"}])
def test_unknown_step_is_an_error(call: Call, event: dict[str, str]) -> None:
    with pytest.raises(Unexpected, match="ValueError"):
        call(control, step="dance", **event)
