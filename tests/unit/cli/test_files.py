"""`dataforge files`, and the checks of `dataforge migrate DIR` before a run."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from dataforge_cli.main import app

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


STEM = "olist_orders_dataset"
SELLERS = "olist_sellers_dataset.csv"
Call = Callable[..., Result]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("COLUMNS", "250")
    for name in ("AWS_PROFILE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="raw")
        client.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def machine(s3: S3Client) -> str:
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})
    role = "arn:aws:iam::123456789012:role/machine"
    made = boto3.client("stepfunctions").create_state_machine(name="m", definition=definition, roleArn=role)
    return str(made["stateMachineArn"])


@pytest.fixture
def call(s3: S3Client, machine: str, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Call the command line on a deployment that consists of a bucket and a state machine."""
    outputs = tmp_path_factory.mktemp("deployment") / "outputs.json"
    document = {"region": "us-east-1", "raw_bucket": "raw", "report_bucket": "raw", "migration_arn": machine}
    outputs.write_text(json.dumps(document))
    return lambda *words: CliRunner().invoke(app, ["--outputs", str(outputs), *words])


def put(s3: S3Client, *names: str) -> None:
    for name in names:
        s3.put_object(Bucket="raw", Key=f"olist/{name}", Body=b"x")


def keys(s3: S3Client) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="raw").get("Contents", ())]


def started(machine: str) -> list[dict[str, Any]]:
    """The inputs of the executions."""
    states = boto3.client("stepfunctions")
    arns = [one["executionArn"] for one in states.list_executions(stateMachineArn=machine)["executions"]]
    return [json.loads(states.describe_execution(executionArn=arn)["input"]) for arn in arns]


def test_files_are_listed_with_their_use_in_a_migration(s3: S3Client, call: Call) -> None:
    put(s3, f"{STEM}.csv", f"{STEM} (1).csv", "notes.txt")
    s3.put_object(Bucket="raw", Key=f"olist/{STEM}/", Body=b"")
    result = call("files", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    found = {one["key"]: (one["status"], one["tables"]) for one in document["files"]}
    assert found == {
        f"olist/{STEM}.csv": ("read", ["orders"]),
        f"olist/{STEM} (1).csv": ("refused", []),
        "olist/notes.txt": ("ignored", []),
    }
    assert all(one["reason"] for one in document["files"] if one["status"] != "read")
    assert document["missing"]["sellers"] == SELLERS
    shown = call("files", "--ignore", "* (1).csv").stdout
    assert "the run ignores * (1).csv" in shown
    assert "fails" not in shown


def test_removed_object_gets_a_delete_marker(s3: S3Client, call: Call) -> None:
    put(s3, f"{STEM}.csv", f"{STEM} (1).csv")
    result = call(
        "files", "--remove", f"{STEM} (1).csv", "--remove", f"olist/{STEM} (1).csv", "--yes", "--json"
    )
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"removed": [f"olist/{STEM} (1).csv"]}
    assert keys(s3) == [f"olist/{STEM}.csv"]
    markers = s3.list_object_versions(Bucket="raw")["DeleteMarkers"]
    assert [one["Key"] for one in markers] == [f"olist/{STEM} (1).csv"]


def test_object_is_removed_only_if_it_is_named_and_confirmed(s3: S3Client, call: Call) -> None:
    put(s3, f"{STEM}.csv")
    unknown = call("files", "--remove", f"{STEM}.csv", "--remove", "no.csv", "--yes")
    assert unknown.exit_code == 2
    assert "no object 'no.csv'" in unknown.stderr
    without_terminal = call("files", "--remove", f"{STEM}.csv")
    assert without_terminal.exit_code == 2
    assert "--yes" in without_terminal.stderr
    assert keys(s3) == [f"olist/{STEM}.csv"]


def test_error_of_an_incomplete_folder_suggests_tables_present(
    s3: S3Client, call: Call, machine: str, tmp_path: Path
) -> None:
    (tmp_path / SELLERS).write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    result = call("migrate", str(tmp_path), "--no-follow")
    assert result.exit_code == 2
    assert "orders (expected olist_orders_dataset.csv)" in result.stderr
    assert "--tables present (sellers)" in result.stderr
    assert (keys(s3), started(machine)) == ([], [])
    present = call("migrate", str(tmp_path), "--tables", "present", "--no-follow")
    assert present.exit_code == 0, present.stderr
    assert "Tables with files: sellers. Not migrated, without files: category_trans" in present.stderr
    assert "Not sent: notes.txt (no table has a file of this name)." in present.stderr
    assert keys(s3) == [f"olist/{SELLERS}"]
    assert [one["tables"] for one in started(machine)] == [["sellers"]]


def test_tables_present_without_a_folder_selects_the_tables_in_the_bucket(
    s3: S3Client, call: Call, machine: str
) -> None:
    nothing = call("migrate", "--tables", "present", "--no-follow")
    assert nothing.exit_code == 2
    assert "s3://raw/olist/ has no file of dataset 'olist'" in nothing.stderr
    put(s3, f"{STEM}/a.csv", SELLERS)
    result = call(
        "migrate", "--tables", "present", "--no-follow", "--ignore", "sellers/", "--ignore", "*.bak"
    )
    assert result.exit_code == 0, result.stderr
    [document] = started(machine)
    assert document["tables"] == ["sellers", "orders"]
    assert document["ignore"] == ["sellers/", "*.bak"]


def test_file_of_an_earlier_upload_is_read_too_and_listed(
    s3: S3Client, call: Call, machine: str, tmp_path: Path
) -> None:
    put(s3, f"{STEM}.csv", f"{STEM}_2.csv")
    (tmp_path / SELLERS).write_text("x")
    result = call("migrate", str(tmp_path), "--tables", "sellers,orders", "--no-follow")
    assert result.exit_code == 0, result.stderr
    assert (
        f"the run reads them too: olist/{STEM}.csv, olist/{STEM}_2.csv. `dataforge files --dataset"
        in result.stderr
    )
    assert len(started(machine)) == 1


@pytest.mark.parametrize("where", ["folder", "bucket"])
def test_files_that_the_run_would_refuse_are_listed_before_the_upload(
    s3: S3Client, call: Call, machine: str, tmp_path: Path, where: str
) -> None:
    (tmp_path / SELLERS).write_text("x")
    odd = "olist_sellers_dataset.CSV"
    if where == "folder":
        (tmp_path / odd).write_text("x")
    else:
        put(s3, odd)
    before = keys(s3)
    result = call("migrate", str(tmp_path), "--tables", "sellers", "--no-follow", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"] == "UnexpectedFiles"
    assert odd in json.loads(result.stdout)["cause"]
    assert (keys(s3), started(machine)) == (before, [])
    again = call("migrate", str(tmp_path), "--tables", "sellers", "--no-follow", "--ignore", "*.CSV")
    assert again.exit_code == 0, again.stderr


def packed(*names: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return body.getvalue()


def test_files_in_archives_are_listed_in_place_of_the_archive(s3: S3Client, call: Call) -> None:
    for name, body in {"a.zip": packed(f"top/{STEM}.csv", "top/notes.md"), "b.zip": b"damaged"}.items():
        s3.put_object(Bucket="raw", Key=f"olist/{name}", Body=body)
    found = {
        one["key"]: (one["status"], one["size"])
        for one in json.loads(call("files", "--json").stdout)["files"]
    }
    assert found == {
        f"olist/a.zip/top/{STEM}.csv": ("read", 1),
        "olist/a.zip/top/notes.md": ("ignored", 1),
        "olist/b.zip": ("refused", 7),
    }


def test_archive_of_a_folder_is_sent_whole(s3: S3Client, call: Call, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed(f"{STEM}.csv", SELLERS))
    result = call("migrate", str(tmp_path), "--tables", "present", "--no-follow", "--json")
    assert result.exit_code == 0, result.output
    assert keys(s3) == ["olist/a.zip"]
