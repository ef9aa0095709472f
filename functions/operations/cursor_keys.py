"""The keys that sign the cursors of the operations function, which has no database, in the report bucket.

A key signs for two weeks, and is valid for two more. The first cursor of a period stores the key by a conditional write,
so that all processes have the same one. A lifecycle rule deletes keys after ``dataforge.defaults.TEMPORARY_DAYS``.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from dataforge.errors import Unavailable
from dataforge.http.cursors import KEY_BYTES
from dataforge.s3.keys import cursor_key_key
from dataforge.s3.objects import translated
from functions.operations.claims import TAKEN

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


PERIOD = timedelta(days=14)
"""Two periods are shorter than the time after which the object of a key expires."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_known: dict[tuple[str, int], bytes] = {}


@dataclass(frozen=True)
class BucketKeys:
    """The keys at the time ``now``. A key's number is that of its period."""

    s3: S3Client
    bucket: str
    now: datetime

    @property
    def _period(self) -> int:
        return (self.now - _EPOCH) // PERIOD

    def newest(self) -> tuple[int, bytes]:
        """The number and the key to sign with. Raises ``Unavailable``."""
        return self._period, self.find(self._period) or self._create(self._period)

    def find(self, number: int) -> bytes | None:
        """A key that is still valid, or None. Raises ``Unavailable``."""
        if number not in {self._period, self._period - 1}:
            return None
        return _known.get((self.bucket, number)) or self._read(number)

    def _read(self, number: int) -> bytes | None:
        try:
            with translated(self.bucket, "a key of cursors"):
                found = self.s3.get_object(Bucket=self.bucket, Key=cursor_key_key(number))["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        _known[self.bucket, number] = found
        return found

    def _create(self, number: int) -> bytes:
        key = secrets.token_bytes(KEY_BYTES)
        try:
            with translated(self.bucket, "a key of cursors"):
                self.s3.put_object(Bucket=self.bucket, Key=cursor_key_key(number), Body=key, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in TAKEN:
                raise
        stored = self._read(number)
        if stored is None:
            raise Unavailable("Another request is creating the key of cursors.")
        return stored
