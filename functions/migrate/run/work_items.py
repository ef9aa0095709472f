"""The work items of the scan and of the load: the input of one worker call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from dataforge.formats.dialect import Csv, with_record_end
from dataforge.postgres.shadow import FILE_SHIFT
from dataforge.runs.step_names import MigrationStep
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Source
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


class WorkItem(BaseModel):
    """A range of an object, at the version that was planned."""

    migration_id: str
    chunk: int
    bucket: str
    key: str
    etag: str
    size: int
    start: int
    end: int
    compression: str | None = None
    archive: str | None = None

    @property
    def object(self) -> Object:
        """The object, at the version that was planned."""
        return Object(self.bucket, self.key, self.etag, self.size, self.compression, self.archive)


class ScanItem(WorkItem):
    """A byte range to hash, and to scan for record ``boundaries``. ``json_lines``: of JSON Lines, else of a CSV."""

    step: str = MigrationStep.SCAN
    boundaries: bool = True
    json_lines: bool = False
    delimiter: str = ","
    quote: str | None = '"'
    encoding: str = "utf-8"

    @property
    def dialect(self) -> Csv:
        """A dialect with the marks of the file's."""
        return Csv(delimiter=self.delimiter, quote=self.quote, encoding=self.encoding)


class LoadItem(WorkItem):
    """A chunk to load: whole records, the first of them in line ``line``.

    ``record_end``: what ends the records if it differs from what the dialect declares.
    Of a ``replay``, ``start`` and ``end`` are numbers of rejections, and there is no object.
    ``folder_values``: the columns that the file's ``key=value`` folders fill; None is NULL.
    """

    step: str = MigrationStep.LOAD
    dataset: str
    file_number: int
    source: str
    header: tuple[str, ...]
    tables: tuple[str, ...]
    line: int
    progress: str
    replay: bool = False
    folder_values: dict[str, str | None] | None = None
    record_end: str | None = None

    def dialect(self, source: Source) -> Csv:
        """The dialect of the object, a file of this source."""
        return with_record_end(source.dialect, self.record_end)

    @property
    def base(self) -> int:
        """The position of the file's first byte."""
        return self.file_number << FILE_SHIFT


_COLUMNS = (
    *("chunk", "start", "end", "line", "file_number", "bucket", "key", "etag", "size", "source"),
    *("header", "compression", "folder_values", "record_end", "archive"),
)


def load_items(cursor: Cursor, run: Run) -> list[LoadItem]:
    """The run's chunks, in file order."""
    cursor.execute(
        "SELECT c.chunk, c.first_byte, c.end_byte, c.first_line, f.file_number, f.bucket, f.key, f.etag, f.size, f.source,"
        " f.header, f.compression, f.folder_values, f.record_end, f.archive"
        " FROM dataforge.migration_chunks c JOIN dataforge.migration_files f USING (migration_id, file_number)"
        " WHERE c.migration_id = %s AND c.first_byte IS NOT NULL ORDER BY f.file_number, c.first_byte, c.end_byte",
        (run.id,),
    )
    # A replay has no source file: its records are rows of any of its tables.
    chosen = [table.name for table in run.tables]
    feeds = {source.file: source.tables for source in run.dataset.sources}
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    return [load_item(run, feeds.get(columns["source"], chosen), columns) for columns in rows]


def load_item(run: Run, tables: Iterable[str], columns: Mapping[str, Any]) -> LoadItem:
    """The chunk with these ``columns`` of a file whose records are rows of these tables."""
    chosen = {table.name for table in run.tables}
    return LoadItem(
        migration_id=run.id,
        dataset=run.dataset.name,
        progress=run.progress,
        replay=run.replay is not None,
        tables=tuple(name for name in tables if name in chosen),
        **columns,
    )
