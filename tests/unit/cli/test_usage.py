"""Valid and invalid calls of `dataforge`, before any request."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from dataforge_cli.main import COMMANDS, app
from local.config import ROOT

PARSERS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
NOWHERE = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/none",
    "AWS_SHARED_CREDENTIALS_FILE": "/none",
}


@pytest.fixture(autouse=True)
def no_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an embedded cloud nor credentials; output without colours."""
    for name in (
        "FORCE_COLOR",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**NOWHERE, "DATAFORGE_STATE": str(tmp_path / "state"), "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def plain(text: str) -> str:
    """The text without colours, which some CI systems enable."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def options(name: str) -> list[str]:
    return [word for parameter in PARSERS[name].params for word in parameter.opts if word.startswith("--")]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_option_and_gives_an_example(name: str) -> None:
    result = run(name, "--help")
    page = plain(result.stdout)
    assert result.exit_code == 0
    for option in options(name):
        assert option in page
    assert f"dataforge {name}" in page.partition("Example")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_documentation_lists_the_command_and_its_options(name: str) -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    assert f"\n### {name}\n" in page
    for option in options(name):
        assert option in page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text(name: str) -> None:
    for parameter in PARSERS[name].params:
        assert parameter.help, parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_asterisks(name: str) -> None:
    written = sum((getattr(parameter, "help", None) or "").count("*") for parameter in PARSERS[name].params)
    page = plain(run(name, "--help").stdout)
    assert page.replace("│ *", "│").count("*") >= written


def test_help_without_a_command_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        assert name in result.stdout


def test_call_without_arguments_shows_the_help_and_exits_2() -> None:
    result = run()
    assert result.exit_code == 2
    assert "Usage: dataforge" in plain(result.stdout)
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["migrat"], ["migrat", "Did you mean 'migrate'? See `dataforge --help`"]),
        (["migrate", "--treshold", "1"], ["--treshold", "--threshold", "dataforge migrate --help"]),
        (["migrate", "--threshold", "much"], ["--threshold", "number"]),
        (["migrate", "--threshold", "1.5"], ["--threshold", "1.5", "between 0 and 1"]),
        (["migrate", "--threshold", "nan"], ["--threshold", "nan"]),
        (["migrate", "--dataset", "olists"], ["olists", "invoices, olist, quotes"]),
        (["migrate", "--tables", "orders,custmers"], ["custmers", "customers"]),
        (["migrate", "--tables", ","], ["--tables", "contains no table"]),
        (["migrate", "--prefix", "s3://bucket/olist/"], ["--prefix", "without bucket"]),
        (["migrate", "nowhere"], ["nowhere", "no folder"]),
        (["migrate", "folder", "--resume", "latest"], ["--resume", "Specify it alone"]),
        (["migrate", "--tables", "orders", "--resume", "latest"], ["--resume", "Specify it alone"]),
        (["migrate", "--outputs", "nowhere.json"], ["nowhere.json", "make local"]),
        (["migrate", "--outputs", "a.json", "--stage", "dev"], ["--outputs", "--stage"]),
        (["--stage", "dev", "status", "--outputs", "a.json"], ["--outputs", "--stage"]),
        (["status", "one", "two"], ["two", "dataforge status --help"]),
        (["stop"], ["EXECUTION", "dataforge stop --help"]),
        (["backup", "lst"], ["lst", "dataforge backup --help"]),
        (["backup", "show"], ["backup show", "latest"]),
        (["backup", "make", "one"], ["backup make does not take this argument"]),
        (["backup", "list", "--verify"], ["backup list does not take this argument"]),
        (["backup", "--tables", "custmers"], ["custmers", "customers"]),
        (["backup", "--dataset", "olists"], ["olists", "invoices, olist, quotes"]),
        (["restore"], ["--all", "dataforge restore --help"]),
        (["restore", "custmers", "--yes"], ["custmers", "customers"]),
        (["restore", "--all", "orders"], ["--all", "cannot be combined"]),
        (["restore", "--undo", "x", "--backup", "y"], ["--undo", "combined with --backup"]),
        (["restore", "--finish", "x", "orders"], ["--finish", "combined with other options"]),
        (["restore", "orders"], ["--yes", "--dry-run"]),
    ],
)
def test_usage_error_exits_2_with_a_one_line_message(words: list[str], names: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for name in names:
        assert name in result.stderr


def test_usage_error_with_json_is_one_document() -> None:
    result = run("migrate", "--dataset", "olists", "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["status"] == "failed"
    assert document["error"] == "UnknownDataset"
    assert "olists" in document["cause"]
    assert document["execution"] is None


def test_error_of_a_folder_without_known_files_names_expected_and_found_files(tmp_path: Path) -> None:
    (tmp_path / "Orders.csv").touch()
    result = run("migrate", str(tmp_path), "--tables", "orders")
    assert result.exit_code == 2
    assert "olist_orders_dataset.csv" in result.stderr
    assert "Orders.csv" in result.stderr
    assert "customers" not in result.stderr


def test_error_without_cloud_and_region_has_both_hints() -> None:
    result = run("status")
    assert result.exit_code == 1
    assert "AWS_REGION" in result.stderr
    assert "make local" in result.stderr
    assert result.stderr.count("\n") == 1


def test_error_without_credentials_has_both_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    result = run("status", "--json")
    assert result.exit_code == 1
    assert "aws configure" in result.stderr
    assert "make local" in result.stderr
    assert json.loads(result.stdout)["error"] == "AwsFailed"


def test_error_of_an_unreachable_embedded_cloud_has_a_hint(tmp_path: Path) -> None:
    offered = {"aws_endpoint_url": "http://127.0.0.1:9", "region": "eu-west-1", "raw_bucket": "raw"}
    offered |= {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    (tmp_path / "outputs.json").write_text(json.dumps(offered | {"migration_arn": "arn:aws:states:::m"}))
    result = run("status", "--outputs", str(tmp_path / "outputs.json"))
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert "http://127.0.0.1:9" in last
    assert "make local" in last


def test_debug_shows_the_traceback() -> None:
    assert "Traceback" not in run("migrate", "nowhere").stderr
    result = run("migrate", "nowhere", "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert "read_folder" in result.stderr


def test_version_equals_the_projects_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"dataforge {project['version']}\n")
