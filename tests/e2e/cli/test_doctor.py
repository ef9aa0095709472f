"""`dataforge doctor` on the embedded cloud: finding and repair of damage."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from dataforge_cli.main import app
from local.config import Config
from local.outputs import Outputs

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


Dataforge = Callable[..., Result]


@pytest.fixture
def dataforge(cloud: Outputs, cloud_config: Config) -> Dataforge:
    """Call the command line on the shared cloud."""
    return lambda *words: CliRunner().invoke(app, ["--outputs", str(cloud_config.outputs), *words])


@pytest.fixture
def broken(dataforge: Dataforge, superuser: Connection) -> Iterator[None]:
    """Remove a login; it is repaired after the test in any case."""
    with superuser.cursor() as cursor:
        cursor.execute("ALTER ROLE dataforge_load NOLOGIN")
        yield
        cursor.execute("ALTER ROLE dataforge_load LOGIN")


def test_fresh_deployment_has_no_findings(dataforge: Dataforge) -> None:
    result = dataforge("doctor")
    assert result.exit_code == 0, result.stdout
    assert "No findings" in result.stdout
    assert json.loads(dataforge("doctor", "--json").stdout) == {"findings": []}


def test_findings_have_a_hint_and_exit_1(dataforge: Dataforge, broken: None) -> None:
    result = dataforge("doctor")
    assert result.exit_code == 1
    for word in ("dataforge_load", "may not log in", "dataforge doctor --repair"):
        assert word in result.stdout
    document = json.loads(dataforge("doctor", "--json").stdout)
    assert [finding["code"] for finding in document["findings"]] == ["no_login"]
    assert set(document["findings"][0]) == {"code", "object", "detail", "hint", "way_out"}


def test_database_has_no_findings_after_a_repair(dataforge: Dataforge, broken: None) -> None:
    result = dataforge("doctor", "--repair", "--json")
    assert result.exit_code == 0, result.stdout
    assert json.loads(result.stdout)["findings"] == []
    assert dataforge("doctor").exit_code == 0


def test_upkeep_without_work_succeeds(cloud: Outputs, aws: dict[str, Any]) -> None:
    states = boto3.client("stepfunctions", **aws)
    execution = states.start_execution(stateMachineArn=cloud["upkeep_arn"])["executionArn"]
    deadline = time.monotonic() + 60
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert found["status"] == "SUCCEEDED", found
