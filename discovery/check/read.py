"""Read and validate the files of a folder with the migration's own code, and keep of each row what decides conflicts."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from dataforge.bulk.row_hashes import digests
from dataforge.records.rejections import Located
from dataforge.s3.objects import Object
from dataforge.tables.catalogue import Dataset, Table
from functions.migrate.plan.layout import read_layout
from functions.migrate.plan.source import match_files
from functions.migrate.run.migration import Run
from functions.migrate.run.reading.chunk import read_chunk
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WHOLE_FILES = 1 << 62
"""Files are read in one range each."""
_EXAMPLES = 3
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
    cleanings: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def reject(self, record: Located) -> None:
        """Count a rejected record under the code of its first violation."""
        violation = record.violations[0]
        self.rejected += 1
        self.codes[violation.code] += 1
        shown = self.examples.setdefault(violation.code, [])
        if len(shown) < _EXAMPLES:
            raw = record.raw if isinstance(record.raw, str) else record.raw.decode(errors="replace")
            column = f"{violation.column}: " if violation.column else ""
            shown.append(Example(record.file, record.line, column + violation.message, raw[:_RAW_CHARACTERS]))

    def add(self, other: Tally) -> None:
        """Add the counts of other files."""
        self.read += other.read
        self.deduplicated += other.deduplicated
        self.rejected += other.rejected
        self.codes += other.codes
        self.cleanings += other.cleanings
        for code, examples in other.examples.items():
            self.examples[code] = (self.examples.get(code, []) + examples)[:_EXAMPLES]


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
    """Validate a file. Writes the deciding columns of its valid rows into ``folder``, a file for each table."""
    tallies = {name: Tally() for name in item.tables}
    writers: dict[str, pa.RecordBatchFileWriter] = {}
    try:
        for records in read_chunk(None, s3, item, dataset):  # type: ignore[arg-type]  only a replay uses the cursor
            tally, table = tallies[records.table.name], records.table
            tally.read += records.batch.read
            tally.deduplicated += records.batch.deduplicated
            tally.cleanings += records.batch.cleanings
            for rejected in records.rejected:
                tally.reject(rejected)
            for batch in _rows(dataset, table, records.batch.lines):
                writer = writers.get(table.name)
                if writer is None:
                    path = folder / f"{table.name}.{item.chunk}.arrow"
                    writer = writers[table.name] = pa.ipc.new_file(path, batch.schema)
                writer.write_batch(batch)
    finally:
        for writer in writers.values():
            writer.close()
    return tallies


def deciding_columns(dataset: Dataset, table: Table) -> tuple[str, ...]:
    """The columns of the table's key, unique constraints and references, and those that others reference, in order."""
    named = {
        *table.key,
        *(name for unique in table.uniques for name in unique.columns),
        *(name for reference in table.references for name in reference.columns),
        *(
            name
            for child in dataset.tables.values()
            for reference in child.references
            if reference.parent == table.name
            for name in reference.parent_columns
        ),
    }
    return tuple(name for name in table.column_names if name in named)


def _rows(dataset: Dataset, table: Table, lines: Sequence[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of COPY lines: position, digest of the row, and the deciding columns."""
    data = b"".join(lines)
    if not data:
        return
    names = [f"c{place}" for place in range(len(table.columns))]
    found = pacsv.read_csv(
        io.BytesIO(data),
        pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=[*names, "source"]),
        pacsv.ParseOptions(newlines_in_values=True),
        pacsv.ConvertOptions(
            column_types={**dict.fromkeys(names, pa.string()), "source": pa.int64()},
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
        ),
    ).combine_chunks()
    texts = [pc.fill_null(pc.binary_join_element_wise("=", found[name], ""), "-") for name in names]
    sizes = [pc.cast(pc.binary_length(text), pa.string()) for text in texts]
    row = pc.binary_join_element_wise(*sizes, *texts, ",").combine_chunks()
    hashed = pa.array([digest.hex() for digest in digests(row)], pa.string())
    columns = {"source": found["source"].combine_chunks(), "row": hashed}
    for name in deciding_columns(dataset, table):
        columns[name] = found[f"c{table.column_names.index(name)}"].combine_chunks()
    yield pa.record_batch(columns)
