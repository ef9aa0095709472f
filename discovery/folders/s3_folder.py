"""A prefix of a bucket in place of a folder: its objects, with keys as paths below the prefix."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from dataforge.aws.clients import COMMAND_LINE, Access, make_client, session
from dataforge.errors import UnreadablePrefix, UnusableBucket
from dataforge.files.names import is_archive
from dataforge.s3.objects import Object, list_objects
from discovery.folders.archive_blocks import ArchiveBlocks

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME = "s3://"
_READING = COMMAND_LINE.merge(Config(s3={"addressing_style": "auto"}))
"""With an endpoint of the user, the bucket is in the path: names of other hosts than AWS's may not resolve."""


@dataclass(frozen=True)
class S3Folder:
    """The objects below ``prefix``, which is empty or ends with ``/``."""

    bucket: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> S3Folder:
        """The prefix that ``s3://bucket/prefix/`` names. Raises ``UnreadablePrefix`` without a bucket."""
        bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
        if not bucket:
            raise UnreadablePrefix(text, "it names no bucket", "Write s3://bucket/prefix/.")
        return cls(bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    @property
    def name(self) -> str:
        """The last folder of the prefix, or the bucket."""
        return self.prefix.strip("/").rpartition("/")[2] or self.bucket

    def objects(self) -> Iterator[Object]:
        """The objects, sorted, with keys below the prefix. Raises ``UnreadablePrefix`` or ``Unavailable``."""
        found = 0
        try:
            for item in list_objects(_client(), self.bucket, self.prefix):
                found += 1
                yield replace(item, key=item.key.removeprefix(self.prefix))
        except (UnusableBucket, ClientError) as error:
            raise self._unreadable(error) from error
        if not found:
            raise UnreadablePrefix(str(self), "there are no objects below it", "Check the prefix.")

    def _unreadable(self, error: Exception) -> UnreadablePrefix:
        cause = error if isinstance(error, ClientError) else error.__cause__
        code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
        if code == "NoSuchBucket":
            hint = "Check its name, and AWS_ENDPOINT_URL if it is not on AWS."
            return UnreadablePrefix(str(self), f"the bucket {self.bucket} does not exist", hint)
        if code in {"AccessDenied", "403"}:
            hint = "Request s3:ListBucket on the bucket and s3:GetObject on its objects, or use other credentials."
            return UnreadablePrefix(str(self), "access is denied", hint)
        reason = (
            cause.response["Error"].get("Message", code) if isinstance(cause, ClientError) else str(error)
        )
        return UnreadablePrefix(
            str(self), f"S3 reports {code}: {reason.rstrip('.')}", "Check the credentials."
        )


class PrefixStore:
    """The objects of a prefix as an S3 client, which adds bucket and prefix to the requests."""

    def __init__(self, folder: S3Folder) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[type[PrefixStore], tuple[S3Folder]]:
        # Another process opens another client.
        return PrefixStore, (self._folder,)

    @cached_property
    def _s3(self) -> S3Client:
        return _client()

    @cached_property
    def _archives(self) -> ArchiveBlocks:
        return ArchiveBlocks(lambda call: self._get(call)["Body"].read())

    def get_object(self, **call: Any) -> dict[str, Any]:
        """An object, or a range of it."""
        found = self._archives.read(call) if is_archive(call["Key"]) else None
        return self._get(call) if found is None else {"Body": found}

    def _get(self, call: Mapping[str, Any]) -> dict[str, Any]:
        place = {"Bucket": self._folder.bucket, "Key": self._folder.prefix + call["Key"]}
        return dict(self._s3.get_object(**{**call, **place}))


def _client() -> S3Client:
    """A client with the credentials, the region and the endpoint that boto3 finds."""
    return make_client("s3", _READING, Access(session(os.environ.get("AWS_REGION"))))
