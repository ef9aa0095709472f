"""Read and validate the records of a work item with the migration's own code, and store the valid rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dataforge.records.rejections import Located
from dataforge.tables.catalogue import Dataset, Source, Table
from dataforge.tables.datasets import get_dataset
from discovery.check.evidence import RejectedRecords
from discovery.check.rows import EXAMPLES, RowBatcher, RowWriter, relation
from discovery.folders.folder_store import Folder, store_of
from functions.migrate.run.reading.chunk import read_chunk
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor

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


def read_by_name(folder: Folder, item: LoadItem, rows: Path) -> dict[str, Tally]:
    """``read_item`` in a process that has not loaded the dataset."""
    return read_item(get_dataset(item.dataset), folder, item, rows)


def read_item(dataset: Dataset, folder: Folder, item: LoadItem, rows: Path) -> dict[str, Tally]:
    """Validate an item of a folder. Writes its valid rows into the folder ``rows``, a file for each table."""
    tallies = {name: Tally() for name in item.tables}
    source = next(source for source in dataset.sources if source.file == item.source)
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(_writer(dataset, dataset.table(name), item, rows))
            for name in item.tables
        }
        batcher = partial(_batcher, writers)
        for records in read_chunk(_NO_CURSOR, store_of(folder), item, dataset, batcher):
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
