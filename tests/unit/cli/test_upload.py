"""Uploads to the raw bucket, without files that are already stored."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from moto import mock_aws
from rich.console import Console
from typer.testing import CliRunner, Result

from dataforge.runs.ids import time_of
from dataforge_cli.aws.upload import etag, is_stored, upload
from dataforge_cli.main import app
from dataforge_cli.output.screen import Screen

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


MIB = 2**20
PART = 5 * MIB
"""The smallest part that S3 takes."""
BUCKET = "raw"
STATED = {"requested_by": "arn:aws:sts::123456789012:user/moto"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def screen() -> Screen:
    quiet = Screen()
    quiet.err = Console(file=io.StringIO())
    return quiet


def modified(s3: S3Client, key: str) -> Any:
    return s3.head_object(Bucket=BUCKET, Key=key)["LastModified"]


def file(folder: Path, name: str = "a.csv", content: bytes = b"a,b\n1,2\n") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [0, 1, MIB, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1])
def test_etag_of_a_file_equals_that_of_its_upload(s3: S3Client, tmp_path: Path, size: int) -> None:
    path = file(tmp_path, content=bytes(i % 251 for i in range(997)) * (size // 997 + 1))
    with path.open("r+b") as opened:
        opened.truncate(size)
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.upload_file(str(path), BUCKET, "a.csv", Config=config)
    assert s3.head_object(Bucket=BUCKET, Key="a.csv")["ETag"] == etag(path, PART)
    assert is_stored(s3, BUCKET, "a.csv", path, PART)


def test_new_files_are_uploaded_under_their_names_below_the_prefix(
    s3: S3Client, screen: Screen, tmp_path: Path
) -> None:
    files = [file(tmp_path, "a.csv", b"a"), file(tmp_path, "b.csv", b"b")]
    assert upload(s3, BUCKET, "olist/2024/", files, screen) == 2
    assert s3.get_object(Bucket=BUCKET, Key="olist/2024/a.csv")["Body"].read() == b"a"
    assert s3.get_object(Bucket=BUCKET, Key="olist/2024/b.csv")["Body"].read() == b"b"


def test_existing_files_are_not_uploaded_again(s3: S3Client, screen: Screen, tmp_path: Path) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    files = [file(tmp_path)]
    assert upload(s3, BUCKET, "olist/", files, screen) == 1
    assert upload(s3, BUCKET, "olist/", files, screen) == 0
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 1


def test_file_of_the_same_size_with_other_content_is_uploaded(
    s3: S3Client, screen: Screen, tmp_path: Path
) -> None:
    upload(s3, BUCKET, "", [file(tmp_path, content=b"old")], screen)
    assert upload(s3, BUCKET, "", [file(tmp_path, content=b"new")], screen) == 1
    assert s3.get_object(Bucket=BUCKET, Key="a.csv")["Body"].read() == b"new"


def test_object_uploaded_in_other_parts_counts_as_different(s3: S3Client, tmp_path: Path) -> None:
    path = file(tmp_path, content=b"x" * (2 * PART))
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.upload_file(str(path), BUCKET, "a.csv", Config=config)
    assert not is_stored(s3, BUCKET, "a.csv", path)


def migrate(outputs: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--outputs", str(outputs), "migrate", *words])


@pytest.fixture
def outputs(s3: S3Client, tmp_path: Path) -> Path:
    """A deployment with buckets and a state machine whose executions make no progress."""
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}}
    machine = boto3.client("stepfunctions").create_state_machine(
        name="migration", definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/none"
    )
    offered = {"raw_bucket": BUCKET, "region": "us-east-1", "migration_arn": machine["stateMachineArn"]}
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(offered))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    file(path, "olist_sellers_dataset.csv")
    file(path, "notes.csv")
    return path


def test_migrate_uploads_the_files_and_starts_an_execution_with_the_input(
    s3: S3Client, outputs: Path, folder: Path
) -> None:
    words = [
        "--tables",
        "sellers, sellers",
        "--prefix",
        "mine",
        "--threshold",
        "0.5",
        "--on-conflict",
        "update",
        "--no-follow",
        "--json",
    ]
    result = migrate(outputs, str(folder), *words)
    assert result.exit_code == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["status"] == "running"
    described = boto3.client("stepfunctions").describe_execution(executionArn=answer["execution"])
    order = {"dataset": "olist", "prefix": "mine/", "quality_threshold": 0.5, "tables": ["sellers"]}
    assert json.loads(described["input"]) == STATED | order | {"on_conflict": "update"}
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [
        "mine/olist_sellers_dataset.csv"
    ]


def test_files_in_folders_keep_their_path_below_the_prefix(s3: S3Client, outputs: Path, folder: Path) -> None:
    (folder / "olist_sellers_dataset").mkdir()
    file(folder / "olist_sellers_dataset", "part-2.csv")
    for sent in (2, 0):
        result = migrate(outputs, str(folder), "--tables", "sellers", "--no-follow")
        assert f"{sent} file(s) sent, {2 - sent} already stored" in result.stderr
    names = ["olist_sellers_dataset.csv", "olist_sellers_dataset/part-2.csv"]
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [
        f"olist/{name}" for name in names
    ]


def test_executions_are_named_after_their_migration_id(outputs: Path) -> None:
    result = migrate(outputs, "--no-follow", "--json")
    name = json.loads(result.stdout)["execution"].rpartition(":")[2]
    assert time_of(name)


def test_input_without_options_has_the_defaults_of_the_dataset(outputs: Path) -> None:
    result = migrate(outputs, "--no-follow", "--json", "--dataset", "quotes")
    arn = json.loads(result.stdout)["execution"]
    described = boto3.client("stepfunctions").describe_execution(executionArn=arn)
    order = {"dataset": "quotes", "prefix": "quotes/", "quality_threshold": 0.95, "on_conflict": "reject"}
    assert json.loads(described["input"]) == STATED | order


def test_files_without_a_table_are_listed_and_not_uploaded(s3: S3Client, outputs: Path, folder: Path) -> None:
    result = migrate(outputs, str(folder), "--tables", "sellers", "--no-follow", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["not_sent"] == {"notes.csv": "no table has a file of this name"}
    assert "Not sent: notes.csv (no table has a file of this name)." in result.stderr
    sent = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert sent == ["olist/olist_sellers_dataset.csv"]


def test_no_follow_prints_the_command_to_follow_the_same_target(outputs: Path) -> None:
    result = migrate(outputs, "--no-follow")
    assert "dataforge status --follow 20" in result.stdout
    assert f"--outputs {outputs}" in result.stdout


def test_deleted_bucket_is_reported_in_one_line(outputs: Path, folder: Path) -> None:
    offered = json.loads(outputs.read_text()) | {"raw_bucket": "gone"}
    outputs.write_text(json.dumps(offered))
    result = migrate(outputs, str(folder))
    assert result.exit_code == 1
    assert "bucket does not exist" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
