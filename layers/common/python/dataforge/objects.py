"""Objects in S3: whole or by byte range, always the version that was planned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from dataforge.errors import SourceChanged


@dataclass(frozen=True)
class Object:
    """One object's place, version and size in bytes."""

    bucket: str
    key: str
    etag: str
    size: int


def list_objects(s3: Any, bucket: str, prefix: str) -> Iterator[Object]:
    """The objects under a prefix, in the order of their keys; folder markers are left out."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            if not item["Key"].endswith("/"):
                yield Object(bucket, item["Key"], item["ETag"], item["Size"])


def read_range(s3: Any, source: Object, start: int, end: int) -> bytes:
    """Bytes ``start`` up to, not including, ``end``. Raises ``SourceChanged`` if it is another version by now."""
    if start >= end:
        return b""
    try:
        answer = s3.get_object(
            Bucket=source.bucket, Key=source.key, IfMatch=source.etag, Range=f"bytes={start}-{end - 1}"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in {"PreconditionFailed", "412", "NoSuchKey", "InvalidRange"}:
            raise SourceChanged(source.key) from error
        raise
    data: bytes = answer["Body"].read()
    return data


def put_json(s3: Any, bucket: str, key: str, document: Any) -> None:
    """Write a JSON document."""
    body = json.dumps(document, ensure_ascii=False, default=str).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
