"""`dataforge migrate` of a dataset that the deployment does not have, or has in an earlier version."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataforge.tables.versions import as_text, module_versions
from dataforge_cli.aws.deployed_datasets import State, compare
from dataforge_cli.aws.deployment import from_file
from dataforge_cli.main import app

OUTPUTS = {"raw_bucket": "raw", "region": "eu-west-1"}
EMBEDDED = {
    **OUTPUTS,
    "aws_endpoint_url": "http://127.0.0.1:9",
    "aws_access_key_id": "key",
    "aws_secret_access_key": "secret",
}


def write(folder: Path, outputs: dict[str, str], versions: dict[str, str] | None = None) -> Path:
    listed = {} if versions is None else {"datasets": as_text(versions)}
    path = folder / "outputs.json"
    path.write_text(json.dumps(outputs | listed))
    return path


@pytest.mark.parametrize(
    ("versions", "state"),
    [
        (None, State.CURRENT),
        (module_versions(), State.CURRENT),
        (module_versions() | {"olist": "0"}, State.CHANGED),
        ({"quotes": "0"}, State.MISSING),
    ],
)
def test_dataset_is_compared_with_the_outputs(
    tmp_path: Path, versions: dict[str, str] | None, state: State
) -> None:
    assert compare(from_file(write(tmp_path, EMBEDDED, versions)), "olist") is state


@pytest.mark.parametrize(
    ("outputs", "command"), [(EMBEDDED, "`make local` first, or specify --deploy"), (OUTPUTS, "`cdk deploy`")]
)
def test_migration_of_a_dataset_that_is_not_deployed_names_the_command(
    tmp_path: Path, outputs: dict[str, str], command: str
) -> None:
    path = write(tmp_path, outputs, {})
    result = CliRunner().invoke(app, ["--outputs", str(path), "migrate", "--json"])
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["error"] == "NotDeployed"
    assert "'olist'" in document["cause"]
    assert command in document["cause"]


def test_option_to_deploy_is_refused_on_aws(tmp_path: Path) -> None:
    path = write(tmp_path, OUTPUTS, {})
    result = CliRunner().invoke(app, ["--outputs", str(path), "migrate", "--deploy"])
    assert result.exit_code == 2
    assert "embedded cloud only" in result.stderr


def test_failed_deployment_reports_the_reason(tmp_path: Path) -> None:
    """No cloud runs in the folder of the outputs."""
    path = write(tmp_path, EMBEDDED, {})
    result = CliRunner().invoke(app, ["--outputs", str(path), "migrate", "--deploy", "--json"])
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["error"] == "DeploymentFailed"
    assert f"no embedded cloud with the app runs in {tmp_path}" in document["cause"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [("n", 2, "is not deployed to the embedded cloud"), ("", 1, "no embedded cloud with the app runs")],
)
def test_terminal_is_prompted_and_the_default_answer_deploys(
    tmp_path: Path, answer: str, code: int, text: str
) -> None:
    path = write(tmp_path, EMBEDDED, {})
    command = [sys.executable, "-m", "dataforge_cli", "--outputs", str(path), "migrate"]
    terminal, other = pty.openpty()
    with subprocess.Popen(command, stdin=other, stderr=subprocess.PIPE, text=True) as process:
        os.write(terminal, f"{answer}\n".encode())
        _, shown = process.communicate(timeout=60)
    os.close(terminal)
    os.close(other)
    assert process.returncode == code
    assert "Deploy it now? [Y/n]" in shown
    assert text in shown
