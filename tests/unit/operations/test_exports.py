"""Exports over HTTP: start, status and files."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonschema import Draft202012Validator

from dataforge.api.document import build
from dataforge.errors import InvalidRequest
from dataforge.runs import exports
from dataforge.runs.exports import Export, ExportFile
from dataforge.runs.ids import time_of
from functions.operations import downloads, runs
from functions.operations.cursor_keys import BucketKeys

if TYPE_CHECKING:
    from tests.unit.operations.conftest import Answer, Cloud

Call = Callable[..., "Answer"]
READER = "reader." + "x" * 48


@pytest.fixture(autouse=True)
def signer(cloud: Cloud) -> None:
    downloads._signer.cache_clear()


def keys(cloud: Cloud) -> BucketKeys:
    """The keys of cursors."""
    return BucketKeys(cloud.s3, "report", datetime.now(UTC))


def finished(cloud: Cloud, export_id: str) -> Export:
    """The document that the export function writes."""
    made = Export(
        export_id=export_id,
        dataset="olist",
        table="orders",
        format="ndjson",
        created_at="2026-11-25T20:00:00+00:00",
        rows=2,
        content_hash="ab",
        row_hash="dataforge-row-1",
        columns=(),
        backup_id=None,
        files=(
            ExportFile(
                bucket="report", key=f"exports/{export_id}/orders.ndjson", rows=2, size=9, sha256="0" * 64
            ),
        ),
    )
    exports.write(cloud.s3, "report", made)
    return made


@pytest.mark.parametrize(
    "body", [{"table": "orders"}, {"dataset": "quotes", "table": "tags", "format": "ndjson"}]
)
def test_export_starts_and_its_location_is_returned(call: Call, cloud: Cloud, body: dict[str, str]) -> None:
    answer = call("POST", "/v1/exports", body, key=READER)
    assert (answer.status, answer.document["status"]) == (202, "running")
    assert time_of(answer.document["id"])
    assert answer.headers["Location"] == f"/v1/exports/{answer.document['id']}"
    assert cloud.inputs("export") == {answer.document["id"]: {"dataset": "olist", **body}}
    assert call("GET", answer.headers["Location"], key=READER).document["status"] == "running"


def test_finished_export_has_presigned_urls(call: Call, cloud: Cloud) -> None:
    run = call("POST", "/v1/exports", {"table": "orders"}, key=READER).document["id"]
    made = finished(cloud, run)
    output = downloads.describe_export(cloud.s3, "report", keys(cloud), run)
    assert output
    openapi = build()
    schema = {"$ref": "#/components/schemas/ExportRun", "components": openapi["components"]}
    Draft202012Validator(schema).validate({"id": run, "status": "succeeded", "output": output})
    assert (output["rows"], output["content_hash"]) == (2, "ab")
    (file,) = output["files"]
    assert (file["name"], file["size"]) == ("orders.ndjson", 9)
    address = urlsplit(file["url"])
    query = parse_qs(address.query)
    assert address.path.endswith(made.files[0].key)
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_failed_export_has_error_and_cause(call: Call) -> None:
    error = {"errorMessage": "The database could not give a lock in time.", "errorType": "Busy"}
    found = runs.describe("x", {"status": "FAILED", "error": "Busy", "cause": json.dumps(error)})
    assert (found["error"], found["cause"]) == ("Busy", error["errorMessage"])


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/table"),
        ({"table": "nothing"}, "/table"),
        ({"table": "orders", "dataset": "x"}, "/dataset"),
        ({"table": "orders", "format": "csv"}, "/format"),
        ({"table": "orders", "more": 1}, "/more"),
    ],
)
def test_invalid_body_is_400_with_a_pointer(call: Call, cloud: Cloud, body: Any, place: str) -> None:
    answer = call("POST", "/v1/exports", body, key=READER)
    assert answer.status == 400
    assert [error["pointer"] for error in answer.document["errors"]] == [place]
    assert cloud.inputs("export") == {}


@pytest.mark.parametrize("run", ["x", "20261125T200000Z-00000000", "..%2f"])
def test_unknown_export_is_404(call: Call, run: str) -> None:
    assert call("GET", f"/v1/exports/{run}", key=READER).status == 404


@pytest.mark.parametrize("key", ["", "guest." + "x" * 48])
def test_export_without_a_valid_key_is_403(call: Call, cloud: Cloud, key: str) -> None:
    assert call("POST", "/v1/exports", {"table": "orders"}, key=key).status == 403
    assert cloud.inputs("export") == {}


def test_retry_with_the_same_idempotency_key_starts_no_second_export(call: Call, cloud: Cloud) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (
        call("POST", "/v1/exports", {"table": "orders"}, key=READER, headers=headers) for _ in range(2)
    )
    assert first.document["id"] == again.document["id"]
    assert len(cloud.inputs("export")) == 1


ORDERS = {"table": "orders"}


def end(cloud: Cloud, run: str) -> None:
    machine = cloud.machines["export"].replace(":stateMachine:", ":execution:")
    cloud.states.stop_execution(executionArn=f"{machine}:{run}")


def test_second_export_of_a_table_returns_the_running_one(call: Call, cloud: Cloud) -> None:
    first, second = (call("POST", "/v1/exports", ORDERS, key=READER) for _ in "12")
    assert second == first
    assert list(cloud.inputs("export")) == [first.document["id"]]
    end(cloud, first.document["id"])
    third = call("POST", "/v1/exports", ORDERS, key=READER)
    assert third.status == 202
    assert third.document["id"] != first.document["id"]


def test_other_api_keys_and_tables_start_separate_exports(call: Call, cloud: Cloud) -> None:
    requests = [(ORDERS, READER), ({"table": "sellers"}, READER), (ORDERS, READER + "y")]
    answers = [call("POST", "/v1/exports", body, key=key) for body, key in requests]
    assert [answer.status for answer in answers] == [202] * 3
    assert len(cloud.inputs("export")) == 3


def test_export_in_another_format_is_refused_while_one_runs(call: Call) -> None:
    first = call("POST", "/v1/exports", ORDERS, key=READER)
    assert call("POST", "/v1/exports", ORDERS | {"format": "parquet"}, key=READER).document == first.document
    other = call("POST", "/v1/exports", ORDERS | {"format": "ndjson"}, key=READER)
    assert (other.status, other.document["type"]) == (409, "urn:dataforge:problem:export-running")
    assert first.document["id"] in other.document["detail"]


def test_export_beyond_the_limit_is_refused(
    call: Call, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORT_CONCURRENCY", "2")
    runs = [call("POST", "/v1/exports", {"table": name}, key=READER) for name in ("orders", "sellers")]
    refused = call("POST", "/v1/exports", {"table": "products"}, key=READER)
    assert (refused.status, refused.document["type"]) == (503, "urn:dataforge:problem:too-many-exports")
    assert refused.headers["Retry-After"]
    assert call("POST", "/v1/exports", ORDERS, key=READER) == runs[0]
    end(cloud, runs[0].document["id"])
    assert call("POST", "/v1/exports", {"table": "products"}, key=READER).status == 202


def test_concurrent_requests_start_one_export(call: Call, cloud: Cloud) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call("POST", "/v1/exports", ORDERS, key=READER), range(8)))
    assert {answer.status for answer in answers} == {202}
    assert {answer.document["id"] for answer in answers} == set(cloud.inputs("export"))
    assert len(cloud.inputs("export")) == 1


def test_files_of_a_large_export_are_paginated(call: Call, cloud: Cloud) -> None:
    run = call("POST", "/v1/exports", {"table": "orders"}, key=READER).document["id"]
    made = finished(cloud, run)
    (file,) = made.files
    files = tuple(file.model_copy(update={"key": f"exports/{run}/{n}.parquet"}) for n in range(1001))
    exports.write(cloud.s3, "report", made.model_copy(update={"files": files}))
    names: list[str] = []
    cursor = None
    while True:
        output = downloads.describe_export(cloud.s3, "report", keys(cloud), run, cursor)
        assert output
        names += [file["name"] for file in output["files"]]
        cursor = output["next_cursor"]
        if cursor is None:
            break
        assert len(output["files"]) == 500
    assert names == [f"{n}.parquet" for n in range(1001)]
    with pytest.raises(InvalidRequest):
        downloads.describe_export(cloud.s3, "report", keys(cloud), run, "forged")
