"""The audit on the embedded cloud: requests of keys and runs, from the gateway to `dataforge audit`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import urllib3
from typer.testing import CliRunner

from dataforge_cli.main import app
from local.config import Config
from local.outputs import Outputs

pytestmark = pytest.mark.slow

Entries = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def entries(cloud: Outputs, cloud_config: Config) -> Entries:
    """The entries that `dataforge audit` shows, newest first."""

    def shown(*options: str) -> list[dict[str, Any]]:
        result = CliRunner().invoke(
            app, ["--outputs", str(cloud_config.outputs), "audit", "--json", *options]
        )
        assert result.exit_code == 0, result.stderr
        found: list[dict[str, Any]] = json.loads(result.stdout)["entries"]
        return found

    return shown


def post(cloud: Outputs, path: str, key: str, document: Any) -> tuple[int, Any]:
    answer = urllib3.request(
        "POST", cloud["api_url"] + path, json=document, headers={"x-api-key": cloud[key]}
    )
    return answer.status, answer.json()


def until(entries: Entries, wanted: set[tuple[str, str]], *options: str) -> list[dict[str, Any]]:
    """The entries, once these kinds of principals with these results are among them."""
    deadline = time.monotonic() + 120
    while True:
        found = entries(*options)
        if wanted <= {(entry["principal"]["kind"], entry["result"]) for entry in found}:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_deployment_is_the_first_entry(entries: Entries) -> None:
    (*_, first) = entries("--operation", "schema_apply", "--limit", "10000")
    assert (first["principal"]["kind"], first["result"]) == ("stack", "succeeded")
    assert first["principal"]["id"].startswith("arn:aws:cloudformation:")


def test_backup_over_http_has_entries_of_its_key_and_of_its_execution(
    cloud: Outputs, entries: Entries
) -> None:
    status, answer = post(cloud, "/v1/backups", "api_key", {"dataset": "quotes"})
    assert status == 202
    found = until(
        entries,
        {("api_key", "started"), ("execution", "started"), ("execution", "succeeded")},
        *("--operation", "backup", "--dataset", "quotes"),
    )
    of_key = [entry for entry in found if entry["principal"]["kind"] == "api_key"]
    assert answer["id"] in {entry["object"]["run"] for entry in of_key}
    ((stated, vouched),) = {
        (entry["requested_by"]["stated"], key["principal"]["id"])
        for entry in found
        for key in of_key
        if entry["principal"]["id"].endswith(f":{answer['id']}") and key["object"]["run"] == answer["id"]
    }
    assert stated == f"API key {vouched}"


def test_refused_restore_has_an_entry_of_its_key(cloud: Outputs, entries: Entries) -> None:
    assert post(cloud, "/v1/restores", "reader_key", {"table": "orders"})[0] == 403
    found = until(entries, {("api_key", "refused")}, "--operation", "restore", "--result", "refused")
    assert found[0]["object"] == {"method": "POST", "route": "/v1/restores"}


def test_execution_with_an_invalid_input_has_an_entry(
    cloud: Outputs, entries: Entries, aws: dict[str, Any]
) -> None:
    document = json.dumps({"dataset": "quotes", "bogus": 1, "requested_by": "ann"})
    states = boto3.client("stepfunctions", **aws)
    execution = states.start_execution(stateMachineArn=cloud["backup_arn"], input=document)["executionArn"]
    found = until(entries, {("execution", "refused")}, "--operation", "backup", "--result", "refused")
    (entry,) = (entry for entry in found if entry["principal"]["id"] == execution)
    assert (entry["error"], entry["requested_by"], entry["dataset"]) == (
        "InvalidInput",
        {"stated": "ann"},
        "quotes",
    )
