"""Status of runs and listing of backups over HTTP, without internal details."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from dataforge.api.backups import BackupPage
from dataforge.api.document import build
from dataforge.api.runs import Run
from dataforge.errors import Unavailable
from dataforge.runs.ids import new_id, run_id
from functions.operations.listing import BackupQuery
from functions.operations.runs import describe, start

if TYPE_CHECKING:
    from tests.unit.operations.conftest import Call, Cloud


ARN = "arn:aws:states:eu-west-1:1:execution:shop-backup:one"
OLD = "20200101T000000Z-1f0c2a9b"


def at(minute: int) -> str:
    return new_id(datetime(2026, 11, 25, 20, minute, tzinfo=UTC), "token")


@pytest.mark.parametrize(("path", "body"), [("/v1/backups", None), ("/v1/restores", {"table": "orders"})])
def test_running_execution_is_found_by_its_id(call: Call, path: str, body: Any) -> None:
    run = call("POST", path, body).document["id"]
    answer = call("GET", f"{path}/{run}")
    assert (answer.status, answer.document) == (200, {"id": run, "status": "running"})


def test_execution_with_another_name_is_found_by_its_run_id(cloud: Cloud, call: Call) -> None:
    for name in ("one", "nightly", "two"):
        cloud.states.start_execution(stateMachineArn=cloud.machines["backup"], name=name, input="{}")
    listed = cloud.states.list_executions(stateMachineArn=cloud.machines["backup"])["executions"]
    (nightly,) = (e for e in listed if e["name"] == "nightly")
    run = run_id(nightly["executionArn"], nightly["startDate"].isoformat())
    assert call("GET", f"/v1/backups/{run}").document == {"id": run, "status": "running"}
    assert call("GET", f"/v1/restores/{run}").status == 404


def test_aborted_run_has_status_failed_and_error_aborted(cloud: Cloud, call: Call) -> None:
    run = call("POST", "/v1/backups").document["id"]
    (execution,) = cloud.states.list_executions(stateMachineArn=cloud.machines["backup"])["executions"]
    cloud.states.stop_execution(executionArn=execution["executionArn"], error="Secret", cause="of the inside")
    assert call("GET", f"/v1/backups/{run}").document == {
        "id": run,
        "status": "failed",
        "error": "Aborted",
        "cause": "The execution was stopped.",
    }


@pytest.mark.parametrize(
    "run",
    [
        OLD,
        at(0),
        new_id(datetime.now(UTC) + timedelta(days=1), "x"),
        "latest",
        "20261325T000000Z-1f0c2a9b",
        "é",
        "a:b",
    ],
)
@pytest.mark.parametrize("path", ["/v1/backups", "/v1/restores"])
def test_unknown_run_is_404(call: Call, path: str, run: str) -> None:
    answer = call("GET", f"{path}/{run}")
    assert (answer.status, answer.document["type"]) == (404, "urn:dataforge:problem:not-found")


def execution(status: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "executionArn": ARN, **more}


def test_succeeded_run_has_its_output() -> None:
    done = execution("SUCCEEDED", output=json.dumps({"backup_id": OLD, "manifest": "s3://…"}))
    assert describe(OLD, done) == {
        "id": OLD,
        "status": "succeeded",
        "output": {"backup_id": OLD, "manifest": "s3://…"},
    }


@pytest.mark.parametrize(
    ("error", "cause", "expected"),
    [
        ("AlreadyRunning", "Held by one.", ("AlreadyRunning", "Held by one.")),
        ("UnknownTable", json.dumps({"errorMessage": "No.", "stackTrace": ["x"]}), ("UnknownTable", "No.")),
        ("UnknownTable", "[1]", ("UnknownTable", "[1]")),
        ("UndefinedTable", 'relation "secret" does not exist', None),
        ("States.Runtime", "arn:aws:…", None),
        ("KeyError", json.dumps({"errorMessage": "'inside'", "errorType": "KeyError"}), None),
        ("", "", None),
    ],
)
def test_failed_run_shows_public_error_and_cause_only(
    error: str, cause: str, expected: tuple[str, str] | None
) -> None:
    found = describe(OLD, execution("FAILED", error=error, cause=cause))
    assert found["status"] == "failed"
    if expected:
        assert (found["error"], found["cause"]) == expected
    else:
        assert found["error"] == "Unexpected"
        assert cause not in found["cause"] or not cause


def test_responses_match_the_openapi_document() -> None:
    for found in (
        execution("RUNNING"),
        execution("PENDING_REDRIVE"),
        execution("TIMED_OUT"),
        execution("FAILED"),
    ):
        Run.model_validate(describe(OLD, found))


def test_backups_are_listed_newest_first_with_their_tables(cloud: Cloud, call: Call) -> None:
    first, second = cloud.add_backup(at(1)), cloud.add_backup(at(2), dataset="quotes", rows=5)
    third = cloud.add_backup(at(3), kind="safety")
    cloud.verify(first)
    cloud.verify(second, "orders/part-00000.parquet is truncated")
    answer = call("GET", "/v1/backups")
    assert BackupPage.model_validate(answer.document).next_cursor is None
    newest, broken, good = answer.document["data"]
    assert [one["id"] for one in answer.document["data"]] == [m.backup_id for m in (third, second, first)]
    assert good == {
        "id": first.backup_id,
        "dataset": "olist",
        "kind": "backup",
        "created_at": "2026-11-25T20:00:00.000000Z",
        "tables": [{"table": "orders", "rows": 3}],
        "rows": 3,
        "size": 300,
        "signed": True,
        "verified": True,
        "verified_at": "2026-11-25T20:01:00.000000Z",
        "faults": [],
        "manifest": f"s3://backup/olist/{first.backup_id}/manifest.json",
    }
    assert (broken["dataset"], broken["verified"]) == ("quotes", False)
    assert broken["faults"] == ["orders/part-00000.parquet is truncated"]
    assert (newest["kind"], newest["verified"], newest["verified_at"]) == ("safety", False, None)


def test_objects_other_than_backups_are_not_listed(cloud: Cloud, call: Call) -> None:
    cloud.add_backup(at(1), kind="export")
    for key in (
        f"olist/{at(2)}/orders/part-00000.parquet",
        "olist/README/manifest.json",
        "olist/stray",
        "x/y/z",
    ):
        cloud.s3.put_object(Bucket="backup", Key=key, Body=b"")
    assert call("GET", "/v1/backups").document == {"data": [], "next_cursor": None}


def test_unreadable_manifest_is_listed_as_unreadable(cloud: Cloud, call: Call) -> None:
    cloud.add_backup(at(1))
    cloud.s3.put_object(Bucket="backup", Key=f"olist/{at(2)}/manifest.json", Body=b"nonsense")
    broken, good = BackupPage.model_validate(call("GET", "/v1/backups").document).data
    assert (broken.id, broken.kind, broken.verified, good.kind) == (at(2), "unreadable", False, "backup")
    assert broken.faults


def test_unreadable_verification_counts_as_not_verified(cloud: Cloud, call: Call) -> None:
    cloud.add_backup(at(1))
    cloud.s3.put_object(Bucket="backup", Key=f"olist/{at(1)}/verification.json", Body=b"{}")
    (found,) = BackupPage.model_validate(call("GET", "/v1/backups").document).data
    assert (found.verified, found.verified_at, len(found.faults)) == (False, None, 1)


def test_pages_of_backups_contain_each_backup_once(cloud: Cloud, call: Call) -> None:
    for minute in range(0, 10, 2):
        cloud.add_backup(at(minute), dataset="olist" if minute % 4 else "quotes")
        cloud.s3.put_object(Bucket="backup", Key=f"olist/{at(minute + 1)}/leftover", Body=b"")
    seen, query = [], {"limit": "2"}
    while True:
        page = call("GET", "/v1/backups", query=query).document
        seen += [one["id"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == [at(minute) for minute in (8, 6, 4, 2, 0)]
    listed = call("GET", "/v1/backups", query={"dataset": "quotes"}).document["data"]
    assert [one["id"] for one in listed] == [at(minute) for minute in (8, 4, 0)]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"dataset": "nothing"}, "dataset"),
        ({"more": "1"}, "more"),
    ],
)
def test_invalid_query_names_its_parameter(call: Call, query: dict[str, str], parameter: str) -> None:
    answer = call("GET", "/v1/backups", query=query)
    assert answer.status == 400
    assert [error["parameter"] for error in answer.document["errors"]] == [parameter]


def test_cursor_of_another_listing_is_400(cloud: Cloud, call: Call) -> None:
    for minute in range(2):
        cloud.add_backup(at(minute))
    cursor = call("GET", "/v1/backups", query={"limit": "1"}).document["next_cursor"]
    assert call("GET", "/v1/backups", query={"limit": "1", "cursor": cursor}).status == 200
    assert call("GET", "/v1/backups", query={"dataset": "olist", "cursor": cursor}).status == 400
    assert call("GET", "/v1/backups", query={"cursor": "nonsense"}).status == 400


def test_documented_parameters_equal_the_query_model() -> None:
    parameters = build()["paths"]["/v1/backups"]["get"]["parameters"]
    assert [p["name"] for p in parameters] == list(BackupQuery.model_fields)


@pytest.mark.parametrize("kind", ["backup", "safety", "unreadable"])
def test_backup_without_an_execution_is_found_by_its_manifest(cloud: Cloud, call: Call, kind: str) -> None:
    uri = f"s3://backup/quotes/{OLD}/manifest.json"
    if kind == "unreadable":
        cloud.s3.put_object(Bucket="backup", Key=uri.removeprefix("s3://backup/"), Body=b"nonsense")
    else:
        cloud.add_backup(OLD, dataset="quotes", kind=kind)
    answer = call("GET", f"/v1/backups/{OLD}")
    assert answer.document == {
        "id": OLD,
        "status": "succeeded",
        "output": {"backup_id": OLD, "manifest": uri},
    }


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailable"])
def test_busy_step_functions_are_503(code: str) -> None:
    client = boto3.client(
        "stepfunctions", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stubber:
        stubber.add_client_error("start_execution", code)
        with pytest.raises(Unavailable):
            start(client, "arn:aws:states:eu-west-1:1:stateMachine:shop-backup", OLD, {})


def test_unreachable_step_functions_are_503() -> None:
    client = boto3.client(
        "stepfunctions",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Unavailable):
        start(client, "arn:aws:states:eu-west-1:1:stateMachine:shop-backup", OLD, {})
