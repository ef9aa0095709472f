"""Responses of the gateway itself: problem documents with constant text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dataforge.response_headers import EVERY_ANSWER

Resources = dict[str, dict[str, dict[str, Any]]]


def responses(resources: Resources) -> dict[str, dict[str, Any]]:
    found = [response["Properties"] for response in resources["AWS::ApiGateway::GatewayResponse"].values()]
    return {response["ResponseType"]: response for response in found}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("INVALID_API_KEY", 403),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
        ("THROTTLED", 429),
        ("QUOTA_EXCEEDED", 429),
        ("INTEGRATION_TIMEOUT", 504),
        ("DEFAULT_4XX", 400),
        ("INTEGRATION_FAILURE", 503),
        ("DEFAULT_5XX", 503),
    ],
)
def test_gateway_answers_errors_with_a_problem_document(dev: Resources, kind: str, status: int) -> None:
    response = responses(dev)[kind]
    assert response["StatusCode"] == str(status)
    assert (
        response["ResponseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    )
    problem = json.loads(response["ResponseTemplates"]["application/json"])
    assert set(problem) == {"type", "title", "status", "detail", "instance"}
    assert problem["status"] == status
    assert problem["instance"] == "$context.requestId"


def test_gateway_answers_have_the_headers_of_all_answers(dev: Resources) -> None:
    expected = {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in EVERY_ANSWER.items()}
    assert not [value for value in EVERY_ANSWER.values() if "'" in value]
    for response in responses(dev).values():
        assert response["ResponseParameters"].items() >= expected.items()


def test_throttled_response_has_retry_after(dev: Resources) -> None:
    waits = {
        kind: response["ResponseParameters"].get("gatewayresponse.header.Retry-After")
        for kind, response in responses(dev).items()
        if response["StatusCode"] in {"429", "503", "504"}
    }
    assert all(waits.values())


def test_gateway_response_contains_no_part_of_the_request(dev: Resources) -> None:
    used = re.findall(r"\$[\w.]+", json.dumps([r["ResponseTemplates"] for r in responses(dev).values()]))
    assert set(used) == {"$context.requestId"}


def test_deployment_depends_on_the_gateway_responses(dev: Resources) -> None:
    (deployment,) = dev["AWS::ApiGateway::Deployment"].values()
    assert set(dev["AWS::ApiGateway::GatewayResponse"]) <= set(deployment["DependsOn"])


def test_responses_have_no_cors_headers(dev: Resources) -> None:
    assert "Access-Control" not in json.dumps([*responses(dev).values()])
