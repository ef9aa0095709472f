"""What a worker is told: one entry of the work lists that the plan writes."""

from __future__ import annotations

from pydantic import BaseModel

from dataforge.postgres.shadow import FILE_SHIFT
from dataforge.s3.objects import Object


class ScanItem(BaseModel):
    """One byte range to scan."""

    migration_id: str
    chunk: int
    bucket: str
    key: str
    etag: str
    size: int
    start: int
    end: int
    compression: str | None = None

    @property
    def object(self) -> Object:
        """The object, at the version that was planned."""
        return Object(self.bucket, self.key, self.etag, self.size, self.compression)


class LoadItem(ScanItem):
    """One chunk to load: whole records, the first of them at ``line``. A ``replay`` has numbers for bytes, and no object.

    ``folder_values``: the columns that the file's ``key=value`` folders fill, None being NULL.
    """

    dataset: str
    file_number: int
    source: str
    header: tuple[str, ...]
    tables: tuple[str, ...]
    line: int
    progress: str
    replay: bool = False
    folder_values: dict[str, str | None] | None = None

    @property
    def base(self) -> int:
        """The position of the file's first byte."""
        return self.file_number << FILE_SHIFT
