"""A prefix of a bucket in place of a folder: the same draft and the same check, and errors with the reason."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from typer.testing import CliRunner

import datasets
from dataforge.tables.datasets import DATASETS
from dataforge_cli.main import app
from discovery.folders.archive_blocks import ArchiveBlocks
from discovery.folders.folder import take_inventory
from discovery.folders.s3_folder import PrefixStore, S3Folder

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


def test_commands_that_follow_download_the_objects(s3: S3Client) -> None:
    s3.put_object(Bucket="exports", Key="shop/orders.csv", Body=ORDERS.encode())
    words = ["init", "s3://exports/shop/", "--dataset", "remote", "--ignore", "*.bak"]
    printed = CliRunner().invoke(app, words).stdout
    commands = [line.partition("  #")[0].strip() for line in printed.splitlines() if "  # " in line]
    assert commands == [
        "dataforge check s3://exports/shop/ --dataset remote --html remote.html --ignore '*.bak'",
        "make local",
        "aws s3 sync s3://exports/shop/ remote-files",
        "dataforge migrate remote-files --dataset remote --ignore '*.bak'",
    ]


def test_archive_is_read_by_one_request(s3: S3Client) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as writer:
        for name in "abcd":
            writer.writestr(f"{name}.csv", ORDERS)
    s3.put_object(Bucket="exports", Key="shop/all.zip", Body=body.getvalue())
    folder = S3Folder("exports", "shop/")
    store = PrefixStore(folder)
    ranges: list[str] = []
    store._s3.meta.events.register(
        "before-parameter-build.s3.GetObject", lambda params, **_: ranges.append(params["Range"])
    )
    assert len(take_inventory(cast("S3Client", store), list(folder.objects()), lambda _: None).tables) == 4
    assert len(ranges) == 1


@given(st.binary(min_size=1, max_size=60), st.data())
def test_ranges_of_an_archive_are_those_of_its_content(content: bytes, data: st.DataObject) -> None:
    requests: list[str] = []

    def request(call: Mapping[str, Any]) -> bytes:
        requests.append(call["Range"])
        start, end = map(int, call["Range"].removeprefix("bytes=").split("-"))
        return content[start : end + 1]

    blocks = ArchiveBlocks(request, 8)
    for _ in range(4):
        start = data.draw(st.integers(0, len(content) - 1))
        end = data.draw(st.integers(start, len(content) - 1))
        found = blocks.read({"Key": "a.zip", "Range": f"bytes={start}-{end}"})
        assert found is not None
        assert found.read() == content[start : end + 1]
    assert len(set(requests)) == len(requests)


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
