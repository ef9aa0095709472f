"""A prefix of a bucket in place of a folder: the same draft and the same check, and errors with the reason."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

import datasets
from dataforge.tables.datasets import DATASETS
from dataforge_cli.main import app
from discovery.s3_folder import PrefixStore, S3Folder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ORDERS = "order_id,total\n" + "".join(f"{n},{n}.50\n" for n in range(1, 30))


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Client]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(datasets, "__path__", [str(tmp_path), *datasets.__path__])
    with mock_aws():
        client = boto3.client("s3", region_name="eu-central-1")
        client.create_bucket(
            Bucket="exports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield client
    DATASETS.pop("remote", None)
    sys.modules.pop("datasets.remote", None)


def call(*words: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, [*words, "--dataset", "remote", "--json"])
    return result.exit_code, json.loads(result.stdout)


def zipped(name: str, text: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr(name, text)
    return archive.getvalue()


def test_prefix_is_drafted_and_checked_as_a_folder_is(s3: S3Client) -> None:
    s3.put_object(Bucket="exports", Key="shop/orders.csv", Body=ORDERS.encode())
    s3.put_object(Bucket="exports", Key="shop/more.zip", Body=zipped("items.csv", "item_id,n\n1,2\n2,2\n"))
    s3.put_object(Bucket="exports", Key="other/orders.csv", Body=b"x\n1\n")
    status, drafted = call("init", "s3://exports/shop")
    assert (status, drafted["notes"]) == (0, [])
    found = {table["name"]: (table["files"], table["would_load"]) for table in drafted["tables"]}
    assert found == {"orders": (["orders.csv"], 29), "items": (["more.zip/items.csv"], 2)}
    status, checked = call("check", "s3://exports/shop/")
    assert status == 0
    assert {table["table"]: table["loaded"] for table in checked["tables"]} == {"orders": 29, "items": 2}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("s3://absent/shop/", ("s3://absent/shop/", "does not exist", "AWS_ENDPOINT_URL")),
        ("s3://exports/nothing/", ("s3://exports/nothing/", "no objects")),
        ("s3:///shop/", ("names no bucket", "s3://bucket/prefix/")),
    ],
)
def test_prefix_that_cannot_be_read_is_named_with_the_reason(
    s3: S3Client, place: str, words: tuple[str, ...]
) -> None:
    status, document = call("init", place)
    assert (status, document["error"]) == (2, "UnreadablePrefix")
    text = json.dumps(document)
    assert [word for word in words if word not in text] == []


def test_client_uses_the_endpoint_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = PrefixStore(S3Folder("exports"))
    assert store._s3.meta.endpoint_url == "http://127.0.0.1:9"


def test_prefix_ends_at_a_folder() -> None:
    assert str(S3Folder.parse("s3://exports/a/b")) == "s3://exports/a/b/"
    assert (S3Folder.parse("s3://exports").prefix, S3Folder.parse("s3://exports/a/b/").name) == ("", "b")
