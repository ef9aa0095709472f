"""Objects of S3: ranges, versions and failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from dataforge.errors import SourceChanged, Unavailable, UnusableBucket
from dataforge.s3.objects import Object, download, list_objects, put_json, read_range, read_version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


KEYS: dict[str, Any] = {
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
    "region_name": "eu-west-1",
}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Client]:
    """S3 with a bucket named ``raw``."""
    with mock_aws():
        client = boto3.client("s3", **KEYS)
        client.create_bucket(Bucket="raw", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def put(s3: S3Client, key: str, body: bytes) -> Object:
    return Object("raw", key, s3.put_object(Bucket="raw", Key=key, Body=body)["ETag"], len(body))


@pytest.mark.parametrize(("start", "end"), [(0, 10), (0, 1), (3, 7), (9, 10), (4, 4), (7, 3)])
def test_range_is_read_exactly(s3: S3Client, start: int, end: int) -> None:
    assert read_range(s3, put(s3, "file", b"0123456789"), start, end) == b"0123456789"[start:end]


def test_empty_object_is_read_as_no_bytes(s3: S3Client) -> None:
    assert read_range(s3, put(s3, "empty", b""), 0, 0) == b""


def test_replaced_shortened_or_deleted_object_raises_source_changed(s3: S3Client) -> None:
    known = put(s3, "file", b"0123456789")
    for change in (
        lambda: put(s3, "file", b"9876543210"),
        lambda: put(s3, "file", b"0"),
        lambda: s3.delete_object(Bucket="raw", Key="file"),
    ):
        change()
        with pytest.raises(SourceChanged, match="file was changed"):
            read_range(s3, known, 2, 8)


def test_objects_are_listed_in_order_without_folders(s3: S3Client) -> None:
    names = ["list/a.csv", "list/b.csv", "list/sub/c.csv"]
    for name in [*reversed(names), "elsewhere"]:
        s3.put_object(Bucket="raw", Key=name, Body=b"x")
    s3.put_object(Bucket="raw", Key="list/sub/", Body=b"")
    assert [found.key for found in list_objects(s3, "raw", "list/")] == names


def test_document_is_written_as_utf8(s3: S3Client) -> None:
    put_json(s3, "raw", "document.json", {"city": "são paulo"})
    answer = s3.get_object(Bucket="raw", Key="document.json")
    assert (answer["Body"].read(), answer["ContentType"]) == (
        '{"city": "são paulo"}'.encode(),
        "application/json",
    )


@pytest.fixture
def broken(request: pytest.FixtureRequest) -> Iterator[Callable[[Callable[[Any], None]], Any]]:
    """Create a client of an S3 that answers every request with the given function."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answer: Callable[[Any], None]) -> Any:
        methods = {"do_GET": answer, "do_PUT": answer, "log_message": lambda *_: None}
        handler = type("Handler", (BaseHTTPRequestHandler,), methods)
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=1)
        return boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{servers[-1].server_port}", config=config, **KEYS
        )

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def broken_off(request: Any) -> None:
    """Half of the announced bytes."""
    request.send_response(206)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"x" * 500)


def closed(request: Any) -> None:
    """Close the connection without a response."""
    request.close_connection = True


def failing(request: Any) -> None:
    """Respond with an error of S3."""
    request.send_error(503)


@pytest.mark.parametrize("answer", [broken_off, closed, failing])
def test_failed_read_is_unavailable(broken: Callable[..., Any], answer: Callable[[Any], None]) -> None:
    with pytest.raises(Unavailable, match=r"^S3 .*file"):
        read_range(broken(answer), Object("raw", "file", '"x"', 1000), 0, 1000)


@pytest.mark.parametrize("answer", [closed, failing])
def test_failed_write_or_list_is_unavailable(
    broken: Callable[..., Any], answer: Callable[[Any], None]
) -> None:
    s3 = broken(answer)
    with pytest.raises(Unavailable):
        put_json(s3, "raw", "document.json", {})
    with pytest.raises(Unavailable):
        list(list_objects(s3, "raw", "olist/"))


@pytest.mark.parametrize(
    "read",
    [
        lambda s3: download(s3, "gone", "x"),
        lambda s3: list(list_objects(s3, "gone", "x/")),
        lambda s3: read_range(s3, Object("gone", "x", '"x"', 10), 0, 10),
    ],
)
def test_missing_bucket_is_not_reported_as_a_missing_object(s3: S3Client, read: Callable[[Any], Any]) -> None:
    with pytest.raises(UnusableBucket, match="'gone' cannot be read: it does not exist"):
        read(s3)


def test_missing_bucket_is_named_by_a_failed_write(s3: S3Client) -> None:
    with pytest.raises(UnusableBucket, match="'gone' cannot be written to: it does not exist"):
        put_json(s3, "gone", "x", {})


def refusing(code: str) -> Callable[[Any], None]:
    """A response of S3 that refuses the request with this code."""
    body = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()

    def answer(request: Any) -> None:
        request.send_response(403)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def test_denied_bucket_is_named(broken: Callable[..., Any]) -> None:
    with pytest.raises(UnusableBucket, match="'raw' cannot be read: access is denied"):
        download(broken(refusing("AccessDenied")), "raw", "x")


def test_other_error_of_s3_is_raised_unchanged(broken: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        download(broken(refusing("InvalidAccessKeyId")), "raw", "x")


def test_missing_object_is_none(s3: S3Client) -> None:
    assert download(s3, "raw", "no such object") is None


def test_version_is_that_of_the_listed_object_or_none(s3: S3Client) -> None:
    plain = put(s3, "plain", b"a")
    assert read_version(s3, plain) is None
    s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
    first, second = put(s3, "versions", b"a"), put(s3, "versions", b"b")
    assert read_version(s3, second)
    assert read_version(s3, first) is None
    assert read_version(s3, Object("raw", "missing", '"1"', 1)) is None
    s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Suspended"})
    assert read_version(s3, put(s3, "suspended", b"a")) is None
