"""What a worker is told: one entry of the work lists that the plan writes."""

from __future__ import annotations

from pydantic import BaseModel

from dataforge.objects import Object
from dataforge.shadow import FILE_SHIFT


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

    @property
    def object(self) -> Object:
        """The object, at the version that was planned."""
        return Object(self.bucket, self.key, self.etag, self.size)


class LoadItem(ScanItem):
    """One chunk to load: whole records, the first of them at ``line``. A ``replay`` has numbers for bytes, and no object."""

    dataset: str
    file_number: int
    source: str
    header: tuple[str, ...]
    tables: tuple[str, ...]
    line: int
    progress: str
    replay: bool = False

    @property
    def base(self) -> int:
        """The position of the file's first byte."""
        return self.file_number << FILE_SHIFT
