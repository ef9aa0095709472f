"""Write lines of JSON to numbered objects of the report bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.s3.keys import rejections_part_key
from dataforge.s3.objects import translated
from dataforge.s3.rejected_texts import Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


OBJECT_BYTES = 8 << 20
"""The size at which an object is complete. It is in memory until then."""


class LineObjects:
    """Objects ``rejections/<migration_id>/<table>/<name>-<n>.jsonl``. ``files``: the lines of each, by its key.

    ``name`` differs between attempts of a step, so a worker that was given up cannot replace what another stored.
    """

    def __init__(self, s3: S3Client, bucket: str, run_id: str, table: str, name: str) -> None:
        self._s3, self._bucket = s3, bucket
        self._run_id, self._table, self._name = run_id, table, name
        self._body = bytearray()
        self.files: dict[str, int] = {}

    @property
    def _key(self) -> str:
        return rejections_part_key(self._run_id, self._table, f"{self._name}-{len(self.files) + 1}")

    def add(self, document: str) -> Location:
        """Add a line. Returns its location. Raises ``Unavailable``, ``UnusableBucket``."""
        line = document.replace("\n", " ").encode()
        location = Location(key=self._key, offset=len(self._body), length=len(line))
        self._body += line
        self._body += b"\n"
        if len(self._body) >= OBJECT_BYTES:
            self.close()
        return location

    def close(self) -> None:
        """Store the last object, if it has lines."""
        if not self._body:
            return
        key = self._key
        with translated(self._bucket, key):
            self._s3.put_object(
                Bucket=self._bucket, Key=key, Body=bytes(self._body), ContentType="application/x-ndjson"
            )
        self.files[key] = self._body.count(b"\n")
        self._body.clear()
