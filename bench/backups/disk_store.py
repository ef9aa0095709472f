"""A folder in place of S3 for several processes, to measure the work without the transport."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import ClientError

ETAG = "1"
"""The ETag of every object; none is replaced during a measurement."""


class Body:
    """The next ``size`` bytes of a file as the body of an answer, which is read as a stream."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int | None = None) -> bytes:
        """The next bytes; all without a size."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class DiskStore:
    """The few calls of an S3 client that backups and restores make. Every bucket is a folder in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put_object(self, **call: Any) -> dict[str, str]:
        """Write an object."""
        path = self.folder / call["Bucket"] / call["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(call["Body"])
        return {"ETag": ETAG}

    def create_multipart_upload(self, **call: Any) -> dict[str, str]:
        """Begin an object of several parts."""
        self.put_object(**call, Body=b"")
        return {"UploadId": call["Key"]}

    def upload_part(self, **call: Any) -> dict[str, str]:
        """Append a part, in order."""
        with (self.folder / call["Bucket"] / call["Key"]).open("ab") as file:
            file.write(call["Body"])
        return {"ETag": ETAG}

    def complete_multipart_upload(self, **_: Any) -> dict[str, str]:
        """Complete the object."""
        return {"ETag": ETAG}

    def get_object(self, **call: Any) -> dict[str, Any]:
        """Open an object, or a range of its bytes, or fail as S3 does."""
        path = self.folder / call["Bucket"] / call["Key"]
        if not path.is_file():
            answer = {"HTTPStatusCode": HTTPStatus.NOT_FOUND}
            raise ClientError({"Error": {"Code": "NoSuchKey"}, "ResponseMetadata": answer}, "GetObject")  # type: ignore[typeddict-item]
        size = path.stat().st_size
        first, last = 0, size - 1
        if "Range" in call:
            first, last = map(int, call["Range"].removeprefix("bytes=").split("-"))
        file = path.open("rb")
        file.seek(first)
        length = min(last + 1, size) - first
        return {"Body": Body(file, length), "ContentLength": length}

    def head_object(self, **_: Any) -> dict[str, str]:
        """An object without a version."""
        return {"ETag": ETAG}

    def get_paginator(self, _: str) -> DiskStore:
        """Return itself: one page contains all objects."""
        return self

    def paginate(self, **call: str) -> list[dict[str, Any]]:
        """The objects below a prefix, in order; with a delimiter, the folders in it."""
        bucket = self.folder / call["Bucket"]
        if "Delimiter" in call:
            folders = sorted(f for f in (bucket / call["Prefix"]).iterdir() if f.is_dir())
            return [{"CommonPrefixes": [{"Prefix": f"{f.relative_to(bucket)}/"} for f in folders]}]
        files = {str(f.relative_to(bucket)): f.stat().st_size for f in bucket.rglob("*") if f.is_file()}
        keys = sorted(key for key in files if key.startswith(call["Prefix"]))
        return [{"Contents": [{"Key": key, "ETag": ETAG, "Size": files[key]} for key in keys]}]
