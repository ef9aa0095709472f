"""Executions: found by ARN, name or migration id, described with a readable failure, and stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from dataforge.aws.situations import SITUATIONS, Situation
from dataforge.runs.ids import run_id
from dataforge_cli.aws.deployment import Deployment, from_file
from dataforge_cli.aws.executions import Execution, describe, find, newest, start, stop
from dataforge_cli.errors import UnknownExecution
from dataforge_cli.main import app

DEFINITION = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}})
ARN = "arn:aws:states:us-east-1:1:execution:migration:one"


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A deployment in which executions start but make no progress."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="report")
        machine = boto3.client("stepfunctions").create_state_machine(
            name="migration", definition=DEFINITION, roleArn="arn:aws:iam::123456789012:role/none"
        )
        offered = {"raw_bucket": "raw", "report_bucket": "report", "region": "us-east-1"}
        path = tmp_path / "outputs.json"
        path.write_text(json.dumps(offered | {"migration_arn": machine["stateMachineArn"]}))
        yield path


@pytest.fixture
def deployment(outputs: Path) -> Deployment:
    return from_file(outputs)


def begin(deployment: Deployment) -> str:
    return start(deployment, deployment["migration_arn"], {"dataset": "olist"})


def look_up(deployment: Deployment, word: str) -> str:
    return find(deployment, deployment["migration_arn"], word)


def test_input_states_the_identity_of_the_caller(deployment: Deployment) -> None:
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    assert describe(deployment, begin(deployment)).input == {"dataset": "olist", "requested_by": arn}


def test_execution_is_found_by_its_arn_and_by_its_name(deployment: Deployment) -> None:
    arn = begin(deployment)
    begin(deployment)
    assert look_up(deployment, arn) == arn
    assert look_up(deployment, arn.rpartition(":")[2]) == arn


def test_execution_is_found_by_its_migration_id(deployment: Deployment) -> None:
    begin(deployment)
    arn = begin(deployment)
    begin(deployment)
    assert look_up(deployment, run_id(arn, describe(deployment, arn).started.isoformat())) == arn


def test_execution_with_another_name_is_found_by_its_migration_id(deployment: Deployment) -> None:
    answer = deployment.states.start_execution(
        stateMachineArn=deployment["migration_arn"], name="nightly", input="[]"
    )
    arn = answer["executionArn"]
    begin(deployment)
    assert look_up(deployment, run_id(arn, answer["startDate"].isoformat())) == arn
    assert describe(deployment, arn).input == {}


@pytest.mark.parametrize(
    "word",
    [
        "20000101T000000Z-0123abcd",
        "29990101T000000Z-0123abcd",
        "nobody",
        "arn:aws:states:us-east-1:123456789012:execution:other:one",
    ],
)
def test_execution_of_another_machine_is_unknown(deployment: Deployment, word: str) -> None:
    begin(deployment)
    with pytest.raises(UnknownExecution, match=word):
        describe(deployment, look_up(deployment, word))


def test_latest_is_unknown_before_the_first_execution(deployment: Deployment) -> None:
    assert newest(deployment, deployment["migration_arn"]) is None
    arn = begin(deployment)
    assert newest(deployment, deployment["migration_arn"]) == arn


def situation(error: str) -> Situation:
    return next(one for one in SITUATIONS if one.code == error)


def ended(**details: Any) -> Execution:
    values = {
        "status": "FAILED",
        "started": datetime.now(UTC),
        "input": {},
        "output": None,
        "error": "",
        "cause": "",
    }
    return Execution(arn=ARN, name="one", **{**values, **details})


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_running_or_succeeded_execution_has_no_failure(status: str) -> None:
    assert ended(status=status).failure is None


@pytest.mark.parametrize(
    ("details", "error", "cause"),
    [
        ({"error": "NoFiles", "cause": "No files."}, "NoFiles", "No files."),
        ({"status": "ABORTED"}, "Aborted", "The execution was stopped."),
        ({"status": "ABORTED", "error": "Stopped", "cause": "By me."}, "Stopped", "By me."),
        ({"status": "TIMED_OUT"}, "TimedOut", "The execution exceeded the time limit of its state machine."),
        (
            {
                "error": "Unavailable",
                "cause": json.dumps({"errorMessage": "No database.", "stackTrace": ["…"]}),
            },
            "Unavailable",
            "No database.",
        ),
        ({"error": "NoFiles", "cause": "[1]"}, "NoFiles", "[1]"),
        ({"error": "States.DataLimitExceeded", "cause": "…"}, "TooMuchData", situation("TooMuchData").cause),
    ],
)
def test_failure_has_error_and_cause(details: dict[str, str], error: str, cause: str) -> None:
    failure = ended(**details).failure
    assert failure is not None
    assert str(failure) == f"{error}: {cause}"
    assert failure.document() == {"status": "failed", "error": error, "cause": cause, "execution": ARN}


def test_stopped_execution_is_reported_as_stopped(deployment: Deployment) -> None:
    arn = begin(deployment)
    stop(deployment, arn)
    execution = describe(deployment, arn)
    assert not execution.running
    assert execution.failure is not None


def dataforge(outputs: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--outputs", str(outputs), *words])


def test_status_before_the_first_migration_shows_the_command_to_start_one(outputs: Path) -> None:
    result = dataforge(outputs, "status")
    assert result.exit_code == 0
    assert "dataforge migrate" in result.stdout
    document = json.loads(dataforge(outputs, "status", "--json").stdout)
    assert document == {"status": "none", "execution": None, "running": []}


def test_status_of_an_unknown_execution_exits_2(outputs: Path) -> None:
    result = dataforge(outputs, "status", "nobody")
    assert result.exit_code == 2
    assert "'nobody'" in result.stderr


def test_stop_ends_a_running_execution_and_refuses_an_ended_one(
    deployment: Deployment, outputs: Path
) -> None:
    name = begin(deployment).rpartition(":")[2]
    result = dataforge(outputs, "stop", name)
    assert result.exit_code == 0
    assert f"Stopped {name}" in result.stdout
    again = dataforge(outputs, "stop", name, "--json")
    assert again.exit_code == 2
    assert "has ended: aborted" in json.loads(again.stdout)["cause"]


def test_status_of_a_failed_execution_exits_1_with_its_cause(deployment: Deployment, outputs: Path) -> None:
    arn = begin(deployment)
    dataforge(outputs, "stop", arn)
    result = dataforge(outputs, "status", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["status"] == "failed"
    assert document["execution"] == arn
    assert document["error"]
    assert document["cause"]
