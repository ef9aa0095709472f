"""The backup's functions as Lambda calls them, with settings from the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.backups.manifest import Reference
from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.errors import DamagedBackup, InvalidSettings, Unexpected
from dataforge.postgres.roles import BACKUP
from functions.backup.handler import control, hold, work
from tests.signing import sign

if TYPE_CHECKING:
    from tests.postgres.backup.conftest import Vault

Call = Callable[..., Any]
EXECUTION = "arn:aws:states:us-east-1:1:execution:backup:run-of-handlers"
CONTEXT: Any = SimpleNamespace(
    function_name="backup",
    memory_limit_in_mb=WHOLE_PROCESSOR_MEGABYTES,
    invoked_function_arn="arn:backup",
    aws_request_id="request",
)


@pytest.fixture
def call(vault: Vault, environment: Callable[..., None]) -> Call:
    """Call a handler with a JSON event, in the environment of its function."""
    environment(vault.database, BACKUP, backup_bucket="backup", report_bucket="report", part_bytes="8192")

    def run(handler: Any, **event: Any) -> Any:
        return json.loads(json.dumps(handler(json.loads(json.dumps(event)), CONTEXT)))

    return run


def begin(call: Call, execution: str = EXECUTION, **document: Any) -> str:
    """Begin a run; returns its id."""
    started = "2026-11-22T10:00:00.123Z"
    answer = call(control, step="begin", execution=execution, started=started, input=document)
    assert answer["holder"] == ""
    return str(answer["run_id"])


def back_up(vault: Vault, call: Call, **document: Any) -> str:
    """Take the steps up to the manifest; returns the run's id."""
    run_id = begin(call, **document)
    holding = vault.pool.submit(call, hold, run_id=run_id, seconds=60)
    plan = call(control, step="plan", run_id=run_id)
    for item in vault.read_json(plan["key"]):
        assert call(work, **item) == {}
    written = call(control, step="finish", run_id=run_id)
    mac = sign("backup", "olist", run_id, Reference.of(written))
    assert call(control, step="sign", run_id=run_id, mac=mac) == {}
    assert holding.result(timeout=20) == {"done": True}
    return run_id


def verify(vault: Vault, call: Call, run_id: str) -> Any:
    """Take the steps of a verification; returns its result."""
    for item in vault.read_json(call(control, step="plan_checks", run_id=run_id)["key"]):
        assert call(work, **item) == {}
    call(work, step="restore_scratch", run_id=run_id)
    found = call(control, step="judge", run_id=run_id)
    signature = found["signature"]
    mac = sign("backup", "olist", run_id, Reference.of(signature), "verification")
    call(control, step="sign_verification", run_id=run_id, signature=signature, mac=mac)
    return found


def counted(text: str) -> list[tuple[str, str]]:
    """The metrics in the printed text, with their dataset."""
    lines = [json.loads(line) for line in text.splitlines() if '"CloudWatchMetrics"' in line]
    return [
        (metric["Name"], line["dataset"])
        for line in lines
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    ]


def test_run_of_all_steps_counts_only_a_new_backup_of_all_tables_as_verified(
    vault: Vault, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    vault.fill(200)
    run_id = back_up(vault, call, verify=True)
    assert verify(vault, call, run_id)["how"] == ["files", "restored"]
    output = call(control, step="close", run_id=run_id)
    assert (output["backup_id"], output["verified"]) == (run_id, True)
    assert {t["table"]: t["rows"] for t in output["tables"]}["orders"] == 200
    assert counted(capsys.readouterr().out) == [("BackupVerified", "olist")]
    # The verification of an older backup does not count for the schedule.
    again = begin(call, "arn:another", verify_only=run_id)
    assert verify(vault, call, again)["new"] is False
    assert counted(capsys.readouterr().out) == []


def test_damaged_backup_is_counted_and_its_files_are_named_in_the_cause(
    vault: Vault, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    vault.fill(3)
    run_id = back_up(vault, call, tables=["sellers"])
    vault.damage(f"olist/{run_id}/sellers/part-00000.parquet", lambda body: body[:-1])
    capsys.readouterr()
    with pytest.raises(DamagedBackup) as raised:
        verify(vault, call, run_id)
    assert counted(capsys.readouterr().out) == [("BackupDamaged", "olist")]
    error = {"Error": "DamagedBackup", "Cause": json.dumps({"errorMessage": str(raised.value)})}
    answer = call(control, step="abandon", execution=EXECUTION, error=error)
    assert answer == {"error": "DamagedBackup", "cause": str(raised.value)}
    assert "sellers/part-00000.parquet has" in answer["cause"]


def test_release_of_a_stopped_execution_releases_its_leases_and_of_an_unknown_one_does_nothing(
    vault: Vault, call: Call
) -> None:
    run_id = begin(call, tables=["sellers"])
    assert call(control, step="release", execution=EXECUTION, status="TIMED_OUT") == {"run_id": run_id}
    assert vault.database.query("SELECT * FROM dataforge.leases") == []
    assert vault.database.query("SELECT status, error FROM dataforge.backups") == [("timed_out", "TimedOut")]
    assert call(control, step="release", execution="arn:none", status="ABORTED") == {"run_id": None}


@pytest.mark.parametrize("exists", [False, True])
def test_begin_returns_the_backup_to_create_or_verify(vault: Vault, call: Call, exists: bool) -> None:
    older = vault.back_up({"tables": ["sellers"]}).backup_id if exists else ""
    document = {"verify_only": older} if older else {"tables": ["sellers"], "verify": True}
    answer = call(
        control, step="begin", execution=EXECUTION, started="2026-11-22T10:00:00.123Z", input=document
    )
    assert (answer["dataset"], answer["backup_id"]) == ("olist", older or answer["run_id"])
    assert (answer["backup"], answer["signed"]) == (not exists, exists)


def test_unknown_step_and_missing_setting_are_errors(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unexpected, match="ValueError"):
        call(control, step="dance")
    monkeypatch.delenv("BACKUP_BUCKET")
    with pytest.raises(InvalidSettings, match="BACKUP_BUCKET"):
        call(control, step="plan", run_id="x")
