"""The migration's functions as Lambda calls them, with settings from the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.errors import InvalidSettings, SourceChanged, Unavailable, Unexpected, UnknownDataset
from dataforge.postgres.roles import LOAD, MIGRATE
from dataforge.s3.keys import failure_key
from functions.migrate.handler import control, load

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
Call = Callable[..., Any]
EXECUTION = "arn:aws:states:eu-west-1:1:execution:migration:run-of-handlers"
CONTEXT: Any = SimpleNamespace(
    function_name="migrate",
    memory_limit_in_mb=WHOLE_PROCESSOR_MEGABYTES,
    invoked_function_arn="arn:migrate",
    aws_request_id="request",
)


@pytest.fixture
def call(forge: Forge, environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call a handler with a JSON event, in the environment of its function."""
    environment(forge.database, MIGRATE, raw_bucket="raw", report_bucket="report", chunk_bytes="100")

    def run(handler: Any, **event: Any) -> Any:
        monkeypatch.setenv("DB_USER", LOAD if handler is load else MIGRATE)
        return json.loads(json.dumps(handler(json.loads(json.dumps(event)), CONTEXT)))

    return run


def begin(call: Call, **document: Any) -> str:
    """Begin the run; its id."""
    started = "2026-11-22T10:00:00.123Z"
    answer = call(control, step="begin", execution=EXECUTION, started=started, input=document)
    assert answer["holder"] == ""
    return str(answer["migration_id"])


def test_handlers_run_all_steps_of_migration(forge: Forge, call: Call, make_csv: MakeCsv) -> None:
    rows = [{"customer_id": n} for n in range(1, 9)]
    forge.put(
        customers=make_csv("customers", *rows, {"customer_state": "x1"}), sellers=make_csv("sellers", {})
    )
    run_id = begin(call, tables=["customers", "sellers"], quality_threshold=0.5)
    plan = call(control, step="plan", migration_id=run_id)
    assert plan["waves"] == [["customers", "sellers"]]
    for item in forge.read_json(plan["scan"]["key"]):
        assert call(load, **item) == {}
    cut = call(control, step="cut", migration_id=run_id)
    for item in forge.read_json(cut["key"]):
        assert call(load, **item) == {}
    for table in plan["waves"][0]:
        call(control, step="settle", migration_id=run_id, table=table)
    call(control, step="reconcile", migration_id=run_id)
    assert call(control, step="publish", migration_id=run_id, execution=EXECUTION) == {"status": "published"}
    output = call(control, step="report", migration_id=run_id)
    assert output.keys() >= {"migration_id", "status", "quality", "tables", "report"}
    assert (output["migration_id"], output["status"]) == (run_id, "published")
    assert output["quality"] == 0.9
    assert output["report"] == f"s3://report/runs/{run_id}/report.json"
    customers, sellers = output["tables"]
    assert customers == {
        "table": "customers",
        "read": 9,
        "loaded": 8,
        "unchanged": 0,
        "deduplicated": 0,
        "rejected": 1,
        "updated": 0,
        "quality": pytest.approx(8 / 9),
    }
    assert sellers["loaded"] == 1
    recorded = (
        "SELECT operation, result, dataset, object->>'migration_id' FROM dataforge.audit WHERE principal = %s"
    )
    common = ("olist", run_id)
    assert forge.database.query(f"{recorded} ORDER BY id", EXECUTION) == [
        ("migration", "started", *common),
        ("migration", "succeeded", *common),
    ]


def test_worker_that_starts_with_the_run_connects_and_changes_nothing(forge: Forge, call: Call) -> None:
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND datname = current_database()"
    assert call(load, step="start") == {}
    assert forge.database.query(sessions, LOAD) == [(1,)]
    assert forge.database.query("SELECT count(*) FROM dataforge.migrations") == [(0,)]


def test_progress_is_found_by_execution_name(forge: Forge, call: Call, make_csv: MakeCsv) -> None:
    forge.put(sellers=make_csv("sellers", *({"seller_id": n} for n in range(1, 9))))
    run_id = begin(call, tables=["sellers"])
    for item in forge.read_json(call(control, step="plan", migration_id=run_id)["scan"]["key"]):
        call(load, **item)
    body = make_csv("sellers", *({"seller_id": n} for n in range(1, 9)))
    size = len(body) - len(body.splitlines()[0]) - 1
    folder = "progress/run-of-handlers/"
    assert forge.read_json(f"{folder}plan.json")["bytes"] == {"sellers": size}
    items = forge.read_json(call(control, step="cut", migration_id=run_id)["key"])
    for item in items:
        call(load, **item)
    found = forge.s3.list_objects_v2(Bucket="report", Prefix=f"{folder}sellers/")["Contents"]
    marks = [[int(n) for n in o["Key"].rpartition("/")[2].split("-")] for o in found]
    assert len(marks) == len(items) > 3
    assert sum(read for _, _, read, _ in marks) == 8
    assert sum(done for _, done, _, _ in marks) == size


def test_error_of_worker_is_cause_of_failed_run(forge: Forge, call: Call, make_csv: MakeCsv) -> None:
    forge.put(sellers=make_csv("sellers", {}))
    run_id = begin(call, tables=["sellers"])
    call(control, step="plan", migration_id=run_id)
    [item] = forge.read_json(call(control, step="cut", migration_id=run_id)["key"])
    forge.put(sellers=make_csv("sellers", {}, {}))
    with pytest.raises(SourceChanged):
        call(load, **item)
    # The error of a Distributed Map only states that too many items failed.
    error = {
        "Error": "States.ExceedToleratedFailureThreshold",
        "Cause": "The specified tolerated failure threshold …",
    }
    answer = call(control, step="abandon", execution=EXECUTION, error=error)
    assert answer["error"] == "SourceChanged"
    assert answer["cause"].startswith("olist/olist_sellers_dataset.csv was changed")


@pytest.mark.parametrize(
    ("caught", "error", "cause"),
    [
        (
            {"Error": "UnknownDataset", "Cause": '{"errorMessage": "no x", "errorType": "UnknownDataset"}'},
            "UnknownDataset",
            "no x",
        ),
        ({"Error": "States.Timeout", "Cause": ""}, "FunctionTimedOut", "A function exceeded the 15 minutes"),
    ],
)
def test_caught_error_is_translated_to_code_and_cause(
    call: Call, caught: dict[str, str], error: str, cause: str
) -> None:
    answer = call(control, step="abandon", execution="arn:never:began", error=caught)
    assert answer["error"] == error
    assert answer["cause"].startswith(cause)


@pytest.mark.parametrize("name", ["States.ExceedToleratedFailureThreshold", "States.BranchFailed"])
def test_recorded_map_failure_is_cause_when_ledger_has_no_error(forge: Forge, call: Call, name: str) -> None:
    run_id = begin(call, tables=["sellers"])
    away = {"Error": "Unavailable", "Cause": '{"errorMessage": "Cannot connect: too many connections"}'}
    forge.s3.put_object(Bucket="report", Key=failure_key(EXECUTION), Body=json.dumps(away).encode())
    error = {"Error": name, "Cause": "The specified tolerated …"}
    answer = call(control, step="abandon", execution=EXECUTION, error=error)
    assert answer == {"error": "Unavailable", "cause": "Cannot connect: too many connections"}
    assert forge.database.query("SELECT migration_id, error, cause FROM dataforge.migrations") == [
        (run_id, *answer.values())
    ]


def test_failure_is_explained_without_database(
    forge: Forge, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PORT", "1")
    away = {"Error": "Lambda.TooManyRequestsException", "Cause": "Rate Exceeded."}
    forge.s3.put_object(Bucket="report", Key=failure_key(EXECUTION), Body=json.dumps(away).encode())
    error = {"Error": "States.ExceedToleratedFailureThreshold", "Cause": "The specified tolerated …"}
    with pytest.raises(Unavailable):
        call(control, step="abandon", execution=EXECUTION, error=error)
    assert call(control, step="explain", execution=EXECUTION, error=error)["error"] == "Throttled"


@pytest.mark.parametrize(
    ("detail", "wanted"),
    [
        (
            {"status": "TIMED_OUT", "error": None, "cause": None},
            ("timed_out", "TimedOut", "The execution exceeded the time limit of its state machine."),
        ),
        (
            {"status": "ABORTED", "error": "Stopped", "cause": 'Stopped by "me".'},
            ("aborted", "Stopped", 'Stopped by "me".'),
        ),
        ({"status": "ABORTED"}, ("aborted", "Aborted", "The execution was stopped.")),
        (
            {"status": "FAILED", "error": "Unavailable", "cause": "Cannot connect."},
            ("failed", "Unavailable", "Cannot connect."),
        ),
    ],
)
def test_event_of_ended_execution_stores_cause_in_ledger(
    forge: Forge, call: Call, detail: dict[str, Any], wanted: tuple[str, str, str]
) -> None:
    run_id = begin(call, tables=["sellers"])
    event = {"executionArn": EXECUTION, "stateMachineArn": "arn:machine", "input": "{}", **detail}
    assert call(control, **event) == {"migration_id": run_id}
    assert forge.database.query("SELECT * FROM dataforge.leases") == []
    assert forge.database.query("SELECT status, error, cause FROM dataforge.migrations") == [wanted]


def test_execution_that_began_no_run_is_audited_as_refused(forge: Forge, call: Call) -> None:
    document = json.dumps({"dataset": "quotes", "requested_by": "arn:aws:iam::1:user/ann", "bogus": 1})
    event = {"executionArn": EXECUTION, "input": document, "status": "FAILED", "error": "InvalidInput"}
    for _ in range(2):
        assert call(control, **event, cause="…") == {"migration_id": None}
    columns = "operation, result, requested_by, dataset, error"
    assert forge.database.query(f"SELECT {columns} FROM dataforge.audit") == [
        ("migration", "refused", "arn:aws:iam::1:user/ann", "quotes", "InvalidInput")
    ]


def test_stopped_execution_releases_its_leases(forge: Forge, call: Call) -> None:
    run_id = begin(call, tables=["sellers"])
    assert call(control, step="release", execution=EXECUTION, status="TIMED_OUT") == {"migration_id": run_id}
    assert forge.database.query("SELECT * FROM dataforge.leases") == []
    assert forge.database.query("SELECT status, error FROM dataforge.migrations") == [
        ("timed_out", "TimedOut")
    ]


def test_unknown_dataset_is_refused(call: Call) -> None:
    with pytest.raises(UnknownDataset):
        begin(call, dataset="nowhere")


def test_missing_setting_is_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REPORT_BUCKET")
    with pytest.raises(InvalidSettings, match="REPORT_BUCKET"):
        begin(call)


def test_unknown_step_raises_error(call: Call) -> None:
    with pytest.raises(Unexpected, match="ValueError"):
        call(control, step="dance")
