"""`dataforge replay`: the input of the run, the saved rejections, and usage errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from bench.sample_report import sample_report
from dataforge.runs.results.report import RejectionFile
from dataforge_cli.main import app

ID = "20261122T101501Z-d504bdea"
LINES = [
    {"id": 1, "table": "orders", "raw": "a", "errors": [{"code": "foreign_key"}]},
    {"id": 2, "table": "orders", "raw": "b", "errors": [{"code": "missing"}, {"code": "enum"}]},
    {"id": 3, "table": "sellers", "raw": "c", "errors": [{"code": "missing"}]},
]


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A deployment in moto, with a report that has rejections."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        s3 = boto3.client("s3")
        parts = []
        for bucket in ("raw", "report"):
            s3.create_bucket(Bucket=bucket)
        for table in ("orders", "sellers"):
            key = f"runs/{ID}/rejections/{table}-1.jsonl"
            body = "".join(json.dumps(line) + "\n" for line in LINES if line["table"] == table)
            s3.put_object(Bucket="report", Key=key, Body=body.encode())
            parts.append(RejectionFile(table=table, rows=body.count("\n"), uri=f"s3://report/{key}"))
        report = sample_report().model_copy(update={"rejection_files": tuple(parts)}).model_dump_json()
        s3.put_object(Bucket="report", Key=f"runs/{ID}/report.json", Body=report.encode())
        machine = boto3.client("stepfunctions").create_state_machine(
            name="migration", definition="{}", roleArn="arn:aws:iam::123456789012:role/x"
        )
        path = tmp_path / "outputs.json"
        deployed = {"raw_bucket": "raw", "report_bucket": "report", "region": "us-east-1"}
        path.write_text(json.dumps(deployed | {"migration_arn": machine["stateMachineArn"]}))
        yield path


def replay(outputs: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--outputs", str(outputs), "replay", *words])


def ordered(result: Result) -> Any:
    """The input of the execution that was started."""
    assert result.exit_code == 0, result.stderr
    arn = json.loads(result.stdout)["execution"]
    document = json.loads(boto3.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    assert document.pop("requested_by")
    return document


def test_options_select_rejections(outputs: Path) -> None:
    words = ("--migration", ID, "--table", "orders", "--code", "foreign_key", "--no-follow", "--json")
    chosen = {"migration_id": ID, "batch_id": "", "table": "orders", "code": "foreign_key"}
    assert ordered(replay(outputs, *words)) == {"replay": chosen, "on_conflict": "reject"}


def test_file_is_uploaded_under_a_new_prefix(outputs: Path, tmp_path: Path) -> None:
    file = tmp_path / "rejected.jsonl"
    file.write_text('{"id": 1, "raw": "x"}')
    first, second = (
        ordered(replay(outputs, "--batch", "b-1", str(file), "--no-follow", "--json")) for _ in range(2)
    )
    assert first["prefix"] != second["prefix"]
    body = boto3.client("s3").get_object(Bucket="raw", Key=f"{first['prefix']}rejected.jsonl")["Body"]
    assert body.read() == file.read_bytes()


@pytest.mark.parametrize(
    ("words", "saved"),
    [
        ((), [1, 2, 3]),
        (("--table", "orders"), [1, 2]),
        (("--code", "missing"), [2, 3]),
        (("--table", "sellers", "--code", "enum"), []),
    ],
)
def test_rejections_are_saved_for_correction(
    outputs: Path, tmp_path: Path, words: tuple[str, ...], saved: list[int]
) -> None:
    file = tmp_path / "saved.jsonl"
    result = replay(outputs, "--migration", ID, *words, "--save", str(file), "--json")
    assert json.loads(result.stdout) == {"status": "saved", "rejections": len(saved), "file": str(file)}
    assert [json.loads(line) for line in file.read_text().splitlines()] == [LINES[n - 1] for n in saved]


def test_replayed_rejections_are_not_saved(outputs: Path, tmp_path: Path) -> None:
    for run, ids in (("first", [1]), ("second", [1, 3])):
        key = f"runs/{ID}/replayed/{run}.json"
        boto3.client("s3").put_object(Bucket="report", Key=key, Body=json.dumps({"ids": ids}).encode())
    file = tmp_path / "saved.jsonl"
    assert replay(outputs, "--migration", ID, "--save", str(file)).exit_code == 0
    assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == [2]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--migration ID or --batch ID"),
        (("--migration", ID, "--batch", "b"), "--migration ID or --batch ID"),
        (("--batch", "b", "--save", "x"), "--save needs --migration"),
        (("--migration", ID, "nowhere.jsonl"), "There is no file nowhere.jsonl"),
        (("--migration", ID, "--save", "no/such/folder"), "no/such/folder cannot be written"),
        (("--migration", "unknown", "--save", "{tmp}/x"), "No report of a migration 'unknown'"),
    ],
)
def test_contradictory_call_is_refused_with_a_hint(
    outputs: Path, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    result = replay(outputs, *(word.replace("{tmp}", str(tmp_path)) for word in words))
    assert result.exit_code == 2
    assert says in result.stderr


def test_existing_file_is_unchanged_when_the_migration_is_unknown(outputs: Path, tmp_path: Path) -> None:
    file = tmp_path / "corrected.jsonl"
    file.write_text("an evening's work")
    assert replay(outputs, "--migration", "unknown", "--save", str(file)).exit_code == 2
    assert file.read_text() == "an evening's work"
