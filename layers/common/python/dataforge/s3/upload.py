"""Write an object of any size to S3 as a stream, in bounded memory, and compute its hash."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataforge.s3.objects import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


PART_BYTES = 8 << 20
"""Size of a part in bytes; smaller objects are sent whole. S3 accepts up to 10,000 parts of 5 MiB or more."""


@dataclass(frozen=True)
class Uploaded:
    """A written object: size in bytes, SHA-256 in hex digits, and ETag."""

    size: int
    sha256: str
    etag: str


class Upload(io.RawIOBase):
    """A writable file. The object exists, complete, only after ``finish``."""

    def __init__(self, s3: S3Client, bucket: str, key: str, content_type: str) -> None:
        super().__init__()
        self._s3, self._bucket, self._key = s3, bucket, key
        self._content_type = content_type
        self._hash, self._size, self._buffer = hashlib.sha256(), 0, bytearray()
        self._id = ""
        self._parts: list[CompletedPartTypeDef] = []

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        """Write some bytes. Raises ``Unavailable`` if S3 fails."""
        self._hash.update(data)
        self._size += len(data)
        self._buffer += data
        if len(self._buffer) >= PART_BYTES:
            self._send_part()
        return len(data)

    def _send_part(self) -> None:
        with self._translated():
            if not self._id:
                made = self._s3.create_multipart_upload(
                    Bucket=self._bucket, Key=self._key, ContentType=self._content_type
                )
                self._id = made["UploadId"]
            number = len(self._parts) + 1
            sent = self._s3.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._id,
                PartNumber=number,
                Body=bytes(self._buffer),
            )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._buffer.clear()

    def finish(self) -> Uploaded:
        """Complete the object."""
        if self._id and self._buffer:
            self._send_part()
        with self._translated():
            if self._id:
                done = self._s3.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=self._key,
                    UploadId=self._id,
                    MultipartUpload={"Parts": self._parts},
                )
                etag = done["ETag"]
            else:
                etag = self._s3.put_object(
                    Bucket=self._bucket,
                    Key=self._key,
                    Body=bytes(self._buffer),
                    ContentType=self._content_type,
                )["ETag"]
        self._id = ""
        return Uploaded(self._size, self._hash.hexdigest(), etag)

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self._bucket, self._key)

    def abort(self) -> None:
        """Delete the sent parts."""
        if self._id:
            with self._translated():
                self._s3.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._id)


@contextmanager
def uploading(s3: S3Client, bucket: str, key: str, content_type: str) -> Iterator[Upload]:
    """A file to write and ``finish``. On any error its parts are deleted."""
    upload = Upload(s3, bucket, key, content_type)
    try:
        yield upload
    except BaseException:
        upload.abort()
        raise
