"""Read and write objects in S3, whole or by byte range. Reads require the planned version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NotConnected

from dataforge.errors import ArchivedFile, SourceChanged, Unavailable, UnusableBucket
from dataforge.files.names import COMPRESSIONS, compression_ending, stands_for_folder

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef


ZIP = "zip"
"""The compression of a file in a zip archive."""


@dataclass(frozen=True)
class Object:
    """An object's location, version and size in bytes. ``packed``: its compression, if its content was inspected.

    A file in a zip archive has its path after the archive's key as its ``key``; ``archive`` is the archive's key, and
    ``text_size`` the size of the file's text, if known.
    """

    bucket: str
    key: str
    etag: str
    size: int
    packed: str | None = None
    archive: str | None = None
    text_size: int | None = None

    @property
    def stored_key(self) -> str:
        """The key of the object in the bucket: of the archive for a file in one."""
        return self.archive or self.key

    @property
    def read_size(self) -> int:
        """The bytes to read, as far as they are known: of a compressed file its own size."""
        return self.size if self.text_size is None else self.text_size

    @property
    def compression(self) -> str:
        """The object's compression, "" if none; from its name unless its content was inspected."""
        if self.archive:
            return ZIP
        return COMPRESSIONS.get(compression_ending(self.key), "") if self.packed is None else self.packed


_UNUSABLE = {
    "NoSuchBucket": "it does not exist",
    "AccessDenied": "access is denied. Check the permissions of the role and the policies of the bucket and of its key",
}


@contextmanager
def translated(bucket: str, key: str) -> Iterator[None]:
    """Raise temporary failures of S3 as ``Unavailable``, those of the bucket as ``UnusableBucket``.

    boto3 retries calls, but not interrupted reads of a body.
    """
    try:
        yield
    except (HTTPClientError, NotConnected, IncompleteReadError) as error:
        raise Unavailable(f"S3 did not answer, or interrupted the transfer of {key}.") from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable(f"S3 failed at {key}: {code}.") from error
        if code in _UNUSABLE:
            verb = "read" if error.operation_name.startswith(("Get", "List")) else "written to"
            raise UnusableBucket(bucket, verb, _UNUSABLE[code]) from error
        raise


def list_objects(s3: S3Client, bucket: str, prefix: str) -> Iterator[Object]:
    """The objects under a prefix in the order of their keys, without the empty objects that represent folders."""
    with translated(bucket, prefix):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                if not stands_for_folder(item["Key"], item["Size"]):
                    yield Object(bucket, item["Key"], item["ETag"], item["Size"])


def read_version(s3: S3Client, source: Object) -> str | None:
    """The id of the object's version; None if the bucket has no versions, or if the object cannot be read.

    A later read reports why.
    """
    try:
        with translated(source.bucket, source.key):
            answer = s3.head_object(Bucket=source.bucket, Key=source.stored_key)
    except ClientError:
        # HEAD has no body, so that its errors have no reason.
        return None
    version = answer.get("VersionId")
    return version if version != "null" and answer["ETag"] == source.etag else None


def read_range(s3: S3Client, source: Object, start: int, end: int) -> bytes:
    """Bytes ``start`` up to, not including, ``end``.

    Raises ``SourceChanged`` if the object has another version, ``Unavailable`` if S3 fails.
    """
    if start >= end:
        return b""
    with translated(source.bucket, source.key):
        data: bytes = get(s3, source, f"bytes={start}-{end - 1}").read()
    return data


def get(s3: S3Client, source: Object, byte_range: str = "") -> StreamingBody:
    """The object's content, or a range of it, as a stream. Call and read it inside ``translated``.

    Raises ``SourceChanged`` if the object has another version, ``ArchivedFile`` if S3 must restore it first.
    """
    request: GetObjectRequestTypeDef = {
        "Bucket": source.bucket,
        "Key": source.stored_key,
        "IfMatch": source.etag,
    }
    if byte_range:
        request["Range"] = byte_range
    try:
        return s3.get_object(**request)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in {"PreconditionFailed", "412", "NoSuchKey", "InvalidRange"}:
            raise SourceChanged(source.key) from error
        if error.response["Error"]["Code"] == "InvalidObjectState":
            raise ArchivedFile(source.key) from error
        raise


def download(s3: S3Client, bucket: str, key: str) -> bytes | None:
    """An object's current content, or None if it does not exist. Raises ``Unavailable``, ``UnusableBucket``."""
    try:
        with translated(bucket, key):
            return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return None
        raise


def put_json(s3: S3Client, bucket: str, key: str, document: Any) -> None:
    """Write a JSON document."""
    body = json.dumps(document, ensure_ascii=False, default=str).encode()
    with translated(bucket, key):
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
