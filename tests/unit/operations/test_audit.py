"""The entries that the operations function sends to the function that records them, as Lambda's API receives them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient

from functions.operations import audit

if TYPE_CHECKING:
    from tests.unit.operations.conftest import Call, Cloud

READER = "reader." + "x" * 48


@pytest.fixture
def sent() -> Iterator[list[dict[str, Any]]]:
    """The requests to Lambda."""
    requests: list[dict[str, Any]] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if operation != "Invoke":
            return real(client, operation, parameters)
        requests.append(parameters)
        return {"StatusCode": 202}

    audit._functions.cache_clear()
    with patch.object(BaseClient, "_make_api_call", call):
        yield requests
    audit._functions.cache_clear()


def entry(sent: list[dict[str, Any]]) -> dict[str, Any]:
    (request,) = sent
    assert (request["FunctionName"], request["InvocationType"]) == ("audit", "Event")
    return dict(json.loads(request["Payload"]))


def test_started_run_is_recorded_with_the_key_that_the_gateway_vouches_for(
    cloud: Cloud, call: Call, sent: list[dict[str, Any]]
) -> None:
    run = call("POST", "/v1/backups", {"tables": ["orders"]}).document["id"]
    assert entry(sent) == {
        "result": "started",
        "principal": "key-1",
        "operation": "backup",
        "dataset": "olist",
        "object": {"method": "POST", "route": "/v1/backups", "run": run},
        "requested_by": None,
        "error": None,
    }


@pytest.mark.parametrize(
    ("method", "path", "operation", "route"),
    [
        ("POST", "/v1/restores", "restore", "/v1/restores"),
        ("GET", "/v1/backups/20261125T195930Z-1f0c2a9b", "backup", "/v1/backups/{id}"),
    ],
)
def test_refused_request_is_recorded_with_the_pattern_of_its_route(
    call: Call, sent: list[dict[str, Any]], method: str, path: str, operation: str, route: str
) -> None:
    assert call(method, path, key=READER).status == 403
    found = entry(sent)
    assert (found["result"], found["operation"], found["error"]) == ("refused", operation, "WrongKey")
    assert (found["principal"], found["object"]) == ("key-1", {"method": method, "route": route})


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/backups"), ("POST", "/v1/backups/x"), ("GET", "/v1/x")]
)
def test_other_answers_are_not_recorded(
    call: Call, sent: list[dict[str, Any]], method: str, path: str
) -> None:
    call(method, path)
    assert sent == []


def test_answer_is_the_same_if_lambda_is_unavailable(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    audit._functions.cache_clear()
    answers = [call("POST", "/v1/backups", {}).status, call("POST", "/v1/backups", {}, key=READER).status]
    assert answers == [202, 403]
    lines = [vars(line) for line in caplog.records if line.name == "audit"]
    assert [(line["result"], line["principal"]) for line in lines] == [
        ("started", "key-1"),
        ("refused", "key-1"),
    ]
    audit._functions.cache_clear()
