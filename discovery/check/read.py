"""Read and validate the files of a folder with the migration's own code, and keep of each row what decides conflicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dataforge.records.rejections import Located
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Dataset, Source, Table
from discovery.check.evidence import RejectedRecords
from discovery.check.row_store import EXAMPLES, relation
from discovery.check.rows import RowBatcher, RowWriter
from functions.migrate.plan.layout import read_layout
from functions.migrate.plan.source import match_files
from functions.migrate.run.migration import Run
from functions.migrate.run.reading.chunk import read_chunk
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Cursor

_WHOLE_FILES = 1 << 62
"""Files are read in one range each."""
_NO_CURSOR = cast("Cursor", None)
"""Reading uses a cursor for replays only."""
_RAW_CHARACTERS = 500


@dataclass(frozen=True)
class Example:
    """A rejected record: its file, its line, the reason, and its text, cut after 500 characters."""

    file: str
    line: int
    message: str
    raw: str


@dataclass
class Tally:
    """The records of one table: how many were read and deduplicated, and the rejections by code with examples."""

    read: int = 0
    deduplicated: int = 0
    rejected: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    records: RejectedRecords = field(default_factory=RejectedRecords)
    cleanings: Counter[str] = field(default_factory=Counter)

    def reject(self, record: Located, item: LoadItem, source: Source) -> None:
        """Count a rejected record under the code of its first violation."""
        self.records.add(record, item, source)
        self.rejected += 1
        self.codes[record.violations[0].code] += 1
        self.show(record)

    def show(self, record: Located) -> None:
        """Add the record to the examples of its code, unless there are enough."""
        violation = record.violations[0]
        shown = self.examples.setdefault(violation.code, [])
        if len(shown) < EXAMPLES:
            raw = record.raw if isinstance(record.raw, str) else record.raw.decode(errors="replace")
            column = f"{violation.column}: " if violation.column else ""
            shown.append(Example(record.file, record.line, column + violation.message, raw[:_RAW_CHARACTERS]))

    def add(self, other: Tally) -> None:
        """Add the counts of other files."""
        self.read += other.read
        self.deduplicated += other.deduplicated
        self.rejected += other.rejected
        self.codes += other.codes
        self.records.merge(other.records)
        self.cleanings += other.cleanings
        for code, examples in other.examples.items():
            self.examples[code] = (self.examples.get(code, []) + examples)[:EXAMPLES]


@dataclass(frozen=True)
class Plan:
    """The work items of a folder, one for each file, and the files that are ignored with the reasons."""

    items: tuple[LoadItem, ...]
    ignored: dict[str, str]


def plan(
    s3: S3Client, dataset: Dataset, objects: Sequence[Object], tables: Sequence[str], ignore: Sequence[str]
) -> Plan:
    """Match the files to the tables as a migration does. Raises its errors."""
    chosen = tuple(dataset.table(name) for name in tables)
    run = Run("check", "", dataset, "", chosen, Decimal(0), "swap", "", "reject", None, tuple(ignore))
    found = match_files(s3, run, objects, "")
    items = []
    for number, (taken, file) in enumerate(found.taken):
        layout = read_layout(s3, taken, file, _WHOLE_FILES)
        items.append(
            LoadItem(
                migration_id=run.id,
                chunk=number,
                bucket=file.bucket,
                key=file.key,
                etag=file.etag,
                size=file.size,
                start=layout.start,
                end=layout.end,
                compression=layout.compression,
                archive=file.archive,
                dataset=dataset.name,
                file_number=number,
                source=taken.source.file,
                header=layout.header,
                tables=tuple(name for name in taken.source.tables if name in tables),
                line=layout.ranges[0].line or 1,
                progress="",
                folder_values=dict(layout.folder_values) or None,
                record_end=layout.record_end,
            )
        )
    return Plan(tuple(items), dict(found.ignored))


def read_item(s3: S3Client, dataset: Dataset, item: LoadItem, folder: Path) -> dict[str, Tally]:
    """Validate an item. Writes its valid rows into ``folder``, a file for each table."""
    tallies = {name: Tally() for name in item.tables}
    source = next(source for source in dataset.sources if source.file == item.source)
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(_writer(dataset, dataset.table(name), item, folder))
            for name in item.tables
        }
        batcher = partial(_batcher, writers)
        for records in read_chunk(_NO_CURSOR, s3, item, dataset, batcher):
            tally = tallies[records.table.name]
            tally.read += records.batch.read
            tally.cleanings.update({".".join(name): n for name, n in records.batch.cleanings.items()})
            for rejected in records.rejected:
                tally.reject(rejected, item, source)
    for name, writer in writers.items():
        tallies[name].deduplicated += writer.copies
    return tallies


def _writer(dataset: Dataset, table: Table, item: LoadItem, folder: Path) -> RowWriter:
    return RowWriter(dataset, table, item.chunk, folder / f"{relation(dataset, table)}.{item.chunk:08}.arrow")


def _batcher(writers: Mapping[str, RowWriter], table: Table) -> RowBatcher:
    return RowBatcher(table, writers[table.name])
