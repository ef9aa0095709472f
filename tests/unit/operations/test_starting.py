"""Start of runs over HTTP: once per idempotency key, with the given input, under the returned id."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dataforge.api.document import build
from dataforge.http import Kind
from dataforge.runs.ids import time_of

if TYPE_CHECKING:
    from tests.unit.operations.conftest import Call, Cloud


BACKUPS, RESTORES = "/v1/backups", "/v1/restores"
ID = "20261125T195930Z-1f0c2a9b"


@pytest.mark.parametrize(
    ("body", "started"),
    [
        (None, {"dataset": "olist"}),
        ({}, {"dataset": "olist"}),
        ({"dataset": "quotes"}, {"dataset": "quotes"}),
        ({"tables": ["orders"], "verify": True}, {"dataset": "olist", "tables": ["orders"], "verify": True}),
        ({"verify_only": ID}, {"dataset": "olist", "verify_only": ID}),
    ],
)
def test_backup_starts_with_its_input_under_the_returned_id(
    cloud: Cloud, call: Call, body: Any, started: Any
) -> None:
    answer = call("POST", BACKUPS, body)
    assert (answer.status, answer.document["status"]) == (202, "running")
    run = answer.document["id"]
    assert cloud.inputs("backup") == {run: started}
    assert answer.headers["Location"] == f"{BACKUPS}/{run}"
    age = datetime.now(UTC) - (time_of(run) or datetime.min.replace(tzinfo=UTC))
    assert age < timedelta(minutes=1)
    assert cloud.inputs("restore") == {}


@pytest.mark.parametrize(
    "body",
    [
        {"table": "orders"},
        {"dataset": "quotes", "table": "authors", "backup": "latest", "dry_run": True},
        {"tables": ["orders", "order_items"], "backup": ID},
        {"undo": ID, "dry_run": True},
        {"undo": ID, "tables": ["orders"]},
        {"finish": ID},
    ],
)
def test_restore_starts_with_its_input(cloud: Cloud, call: Call, body: Any) -> None:
    answer = call("POST", RESTORES, body)
    assert answer.status == 202
    assert answer.headers["Location"] == f"{RESTORES}/{answer.document['id']}"
    assert cloud.inputs("restore") == {answer.document["id"]: {"dataset": "olist", **body}}
    assert cloud.inputs("backup") == {}


@pytest.mark.parametrize(
    ("path", "body", "pointer", "code"),
    [
        (BACKUPS, {"dataset": "nothing"}, "/dataset", "literal_error"),
        (BACKUPS, {"tables": ["orders", "nothing"]}, "/tables/1", "unknown_table"),
        (BACKUPS, {"dataset": "quotes", "tables": ["orders"]}, "/tables/0", "unknown_table"),
        (BACKUPS, {"tables": []}, "/tables", "too_short"),
        (BACKUPS, {"tables": "orders"}, "/tables", "list_type"),
        (BACKUPS, {"verify": "yes"}, "/verify", "bool_type"),
        (BACKUPS, {"more": 1}, "/more", "extra_forbidden"),
        (BACKUPS, [], "", "model_type"),
        (RESTORES, {}, "", "one_of"),
        (RESTORES, {"table": "orders", "tables": ["orders"]}, "", "one_of"),
        (RESTORES, {"undo": ID, "backup": ID}, "", "one_of"),
        (RESTORES, {"table": None}, "", "one_of"),
        (RESTORES, {"finish": ID, "table": "orders"}, "", "one_of"),
        (BACKUPS, {"verify_only": ID, "tables": ["orders"]}, "", "one_of"),
        (RESTORES, {"table": "nothing"}, "/table", "unknown_table"),
        (RESTORES, {"table": "orders", "backup": "../" + ID}, "/backup", "string_pattern_mismatch"),
        (RESTORES, {"table": "orders", "backup": ID + "\n"}, "/backup", "string_pattern_mismatch"),
        (RESTORES, {"undo": "latest"}, "/undo", "string_pattern_mismatch"),
    ],
)
def test_invalid_body_is_400_with_a_pointer_and_starts_nothing(
    cloud: Cloud, call: Call, path: str, body: Any, pointer: str, code: str
) -> None:
    answer = call("POST", path, body)
    assert answer.status == 400
    assert [(e["pointer"], e["code"]) for e in answer.document["errors"]] == [(pointer, code)]
    assert cloud.inputs("backup") == cloud.inputs("restore") == {}


@pytest.mark.parametrize("body", ["nonsense", '{"dataset": "olist", "dataset": "olist"}', "[" * 100_000])
def test_body_that_is_not_json_is_400(call: Call, body: str) -> None:
    assert call("POST", BACKUPS, body).document["type"].endswith(":not-json")


def test_restore_route_is_404_unless_the_deployment_enables_it(
    cloud: Cloud, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTORE_API", "false")
    answer = call("POST", RESTORES, {"table": "orders"})
    assert answer.status == 404
    assert "restoreApi" in answer.document["detail"]
    assert cloud.inputs("restore") == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", BACKUPS),
        ("GET", BACKUPS),
        ("GET", f"{BACKUPS}/{ID}"),
        ("POST", RESTORES),
        ("GET", f"{RESTORES}/{ID}"),
    ],
)
@pytest.mark.parametrize("key", ["", "x" * 60, *(f"{kind.name.lower()}.{'x' * 48}" for kind in Kind)])
def test_key_that_is_not_an_operators_is_403(
    cloud: Cloud, call: Call, method: str, path: str, key: str
) -> None:
    answer = call(method, path, {"table": "orders"} if path == RESTORES else None, key=key)
    assert (answer.status == 403) == (not key.startswith("operator."))
    if answer.status == 403:
        assert cloud.inputs("backup") == cloud.inputs("restore") == {}


def test_retry_with_the_same_key_and_body_starts_no_second_run(cloud: Cloud, call: Call) -> None:
    headers = {"Idempotency-Key": "nightly-1"}
    first, again = (call("POST", BACKUPS, {"tables": ["orders"]}, headers=headers) for _ in range(2))
    assert (again.status, again.document) == (first.status, first.document)
    assert again.headers == first.headers | {"Idempotent-Replayed": "true"}
    assert list(cloud.inputs("backup")) == [first.document["id"]]


def test_retry_after_the_run_ended_starts_no_second_run(cloud: Cloud, call: Call) -> None:
    headers = {"Idempotency-Key": "nightly-2"}
    first = call("POST", BACKUPS, headers=headers)
    (execution,) = cloud.states.list_executions(stateMachineArn=cloud.machines["backup"])["executions"]
    cloud.states.stop_execution(executionArn=execution["executionArn"])
    assert call("POST", BACKUPS, headers=headers).document == first.document
    assert len(cloud.inputs("backup")) == 1


def test_retry_starts_a_run_that_was_claimed_but_not_started(cloud: Cloud, call: Call) -> None:
    headers, machine = {"Idempotency-Key": "nightly-3"}, cloud.machines["backup"]
    cloud.states.delete_state_machine(stateMachineArn=machine)
    assert call("POST", BACKUPS, headers=headers).status == 500
    (claim,) = cloud.s3.list_objects_v2(Bucket="report")["Contents"]
    assert claim["Key"].startswith("requests/")
    cloud.states.create_state_machine(
        name=machine.rpartition(":")[2], definition="{}", roleArn="arn:aws:iam::123456789012:role/none"
    )
    answer = call("POST", BACKUPS, headers=headers)
    assert list(cloud.inputs("backup")) == [answer.document["id"]]


def test_key_reused_with_another_body_is_422(cloud: Cloud, call: Call) -> None:
    headers = {"Idempotency-Key": "nightly-4"}
    call("POST", BACKUPS, {"verify": True}, headers=headers)
    answer = call("POST", BACKUPS, {"verify": False}, headers=headers)
    assert (answer.status, answer.document["type"]) == (422, "urn:dataforge:problem:key-reused")
    assert len(cloud.inputs("backup")) == 1


def test_key_is_separate_per_api_key_and_route(cloud: Cloud, call: Call) -> None:
    headers = {"Idempotency-Key": "same"}
    other = "operator." + "y" * 48
    ids = {
        call("POST", BACKUPS, headers=headers).document["id"],
        call("POST", BACKUPS, headers=headers, key=other).document["id"],
        call("POST", RESTORES, {"table": "orders"}, headers=headers).document["id"],
    }
    assert len(ids) == 3


def test_concurrent_requests_with_one_key_start_one_run(cloud: Cloud, call: Call) -> None:
    headers = {"Idempotency-Key": "at-once"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call("POST", BACKUPS, headers=headers), range(8)))
    assert {answer.status for answer in answers} <= {202, 503}
    started = {answer.document["id"] for answer in answers if answer.status == 202}
    assert set(cloud.inputs("backup")) == started
    assert len(started) == 1


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_idempotency_key_with_invisible_characters_is_400(cloud: Cloud, call: Call, key: str) -> None:
    assert call("POST", BACKUPS, headers={"Idempotency-Key": key}).status == 400
    assert cloud.inputs("backup") == {}


NAMES = st.sampled_from(["orders", "authors", "nothing", "", 1, None])
MEMBERS = {
    "dataset": st.sampled_from(["olist", "quotes", "nothing", 1]),
    "table": NAMES,
    "tables": st.lists(NAMES, max_size=2) | st.just("orders"),
    "verify": st.sampled_from([True, False, "true", 1]),
    "dry_run": st.sampled_from([True, False, "true", 1]),
    "backup": st.sampled_from(["latest", ID, "Latest", ID + "0", 1]),
    "verify_only": st.sampled_from([ID, "latest", None]),
    "finish": st.sampled_from([ID, "latest", None]),
    "undo": st.sampled_from([ID, "latest", 1]),
    "more": st.just(1),
}
REASONS = {"one_of", "unknown_table"}
"""The codes of errors in bodies that match the document."""


@pytest.mark.parametrize(("path", "name"), [(BACKUPS, "BackupRequest"), (RESTORES, "RestoreRequest")])
def test_body_is_accepted_if_and_only_if_it_matches_the_document(
    cloud: Cloud, call: Call, path: str, name: str
) -> None:
    components = build()["components"]
    known = components["schemas"][name]["properties"]
    members = {member: values for member, values in MEMBERS.items() if member in known or member == "more"}
    form = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components})

    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.fixed_dictionaries({}, optional=members))
    def validate(body: Any) -> None:
        answer = call("POST", path, body)
        codes = {error["code"] for error in answer.document.get("errors", ())}
        assert (answer.status, bool(codes)) in {(202, False), (400, True)}
        if answer.status == 202 or codes <= REASONS:
            form.validate(body)
        else:
            assert not form.is_valid(body)

    validate()
