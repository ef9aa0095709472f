"""Read and write the small documents of a backup: bounded, and with the version that was read or written."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from dataforge.errors import BackupExists
from dataforge.s3.objects import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


UNVERSIONED = "null"
"""The version id of an object in a bucket without versions."""

_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}


class Body(NamedTuple):
    """The content of an object, None if it is larger than allowed, and its version id."""

    body: bytes | None
    version: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content, in hexadecimal digits."""
        return hashlib.sha256(self.body or b"").hexdigest()


def fetch(s3: S3Client, bucket: str, key: str, most: int) -> Body | None:
    """An object's current content, or None if it does not exist. Raises ``Unavailable``, ``UnusableBucket``."""
    try:
        with translated(bucket, key):
            answer = s3.get_object(Bucket=bucket, Key=key)
            body = answer["Body"].read() if answer["ContentLength"] <= most else None
            return Body(body, answer.get("VersionId", UNVERSIONED))
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND:
            return None
        raise


def create(s3: S3Client, bucket: str, key: str, body: bytes) -> tuple[str, str]:
    """Write a JSON document that does not exist. Returns its version id and its SHA-256.

    Idempotent for the same content. Raises ``BackupExists`` if the object has other content.
    """
    digest = hashlib.sha256(body).hexdigest()
    try:
        with translated(bucket, key):
            answer = s3.put_object(
                Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*"
            )
            return answer.get("VersionId", UNVERSIONED), digest
    except ClientError as error:
        if error.response["Error"]["Code"] not in _TAKEN:
            raise
        found = fetch(s3, bucket, key, len(body))
        if found is None or found.body != body:
            raise BackupExists(key) from error
        return found.version, digest
