"""Read the records of JSON Lines: valid rows by columns, the others and those of a flat file one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from dataforge.bulk.blocks import TableBatcher, constant
from dataforge.formats.csv_blocks import with_folder_values
from dataforge.formats.csv_stream import BufferedRecords
from dataforge.formats.json_boundaries import line_blocks, line_ends, raw_lines
from dataforge.formats.json_columns import read_columns
from dataforge.formats.json_lines import read_line
from dataforge.records.rejections import Located
from dataforge.tables.catalogue import Source, Table
from functions.migrate.run.reading.validated_records import (
    BatcherOf,
    Record,
    ValidatedRecords,
    Validator,
    validate_each,
)
from functions.migrate.run.work_items import LoadItem

_BLOCK_BYTES = 2 * 2**20
_LARGEST_BLOCK = 2 * _BLOCK_BYTES
"""Only a long line makes a block larger. Its structure by columns would take many times its size."""
_BLOCK_VALUES = 2**22
"""Bounds the memory of lines that are far shorter than the table is wide."""


def read_json_lines(
    item: LoadItem,
    lines: Iterable[BufferedRecords],
    source: Source,
    tables: Mapping[str, Table],
    batcher: BatcherOf,
) -> Iterator[ValidatedRecords]:
    """The records of the chunk's lines, some at a time."""
    by_columns = source.split is None and tables[item.tables[0]].columns_are_independent
    validate = _validate_by_columns if by_columns else validate_by_record
    for records in lines:
        for block in line_blocks(records, _BLOCK_BYTES):
            yield from validate(item, source, tables, block, batcher)


def validate_by_record(
    item: LoadItem,
    source: Source,
    tables: Mapping[str, Table],
    block: BufferedRecords,
    batcher: BatcherOf = TableBatcher,
) -> Iterator[ValidatedRecords]:
    """Validate the lines of a block one by one."""
    yield from validate_each(tables, _records(item, source, block), batcher)


def _validate_by_columns(
    item: LoadItem,
    source: Source,
    tables: Mapping[str, Table],
    block: BufferedRecords,
    batcher: BatcherOf,
) -> Iterator[ValidatedRecords]:
    if len(block.data) > _LARGEST_BLOCK:
        yield from validate_by_record(item, source, tables, block, batcher)
        return
    table = tables[item.tables[0]]
    values = len(table.columns) * (block.data.count(b"\n") + 1)
    for part in line_blocks(block, max(len(block.data) * _BLOCK_VALUES // max(values, _BLOCK_VALUES), 1)):
        yield validate_by_columns(item, source, batcher(table), part)


def validate_by_columns(
    item: LoadItem, source: Source, batcher: TableBatcher, block: BufferedRecords
) -> ValidatedRecords:
    """Validate the lines of a block, with the result of ``validate_by_record``. It is not empty."""
    result = ValidatedRecords(batcher.table)
    remaining = _add_by_columns(item, source, block, batcher, result)
    validator = Validator({batcher.table.name: result}, {batcher.table.name: batcher})
    for record in _records(item, source, block, remaining):
        validator.add(record)
    return result


def _add_by_columns(
    item: LoadItem, source: Source, block: BufferedRecords, batcher: TableBatcher, result: ValidatedRecords
) -> set[int]:
    """Add the rows whose columns are all valid to the result. Returns the indices of the other lines."""
    ends = line_ends(block.data)
    read = read_columns(block.data, ends, source.names, item.header)
    folders = {name: value or None for name, value in (item.folder_values or {}).items()}
    texts = {name: column.texts for name, column in read.columns.items()}
    texts |= {name: constant(value, len(read.lines)) for name, value in folders.items()}
    positions = item.base + block.start + np.append(0, ends)[read.lines]
    typed = {name: column.typed for name, column in read.columns.items() if name not in folders}
    has_nul = any("\0" in (value or "") for value in folders.values())
    bad = batcher.add_columns(result.batch, texts, positions, has_nul=has_nul, typed=typed)
    result.batch.read += len(bad) - int(bad.sum())
    good = np.zeros(len(ends), np.bool_)
    good[read.lines[~bad]] = True
    return set(np.flatnonzero(~good).tolist())


def _records(
    item: LoadItem, source: Source, block: BufferedRecords, wanted: set[int] | None = None
) -> Iterator[Record]:
    """The records of a block; ``wanted``: the indices of lines, default all."""
    if wanted is not None and not wanted:
        return
    for line in raw_lines(block):
        if wanted is not None and line.line - block.line not in wanted:
            continue
        fields = with_folder_values(read_line(line.raw, source.names, item.header), item.folder_values)
        location = Located(
            item.migration_id, item.key, line.line, line.offset, line.raw, [], length=len(line.raw)
        )
        yield Record(item.base + line.offset, location, item.tables[0], source, fields)
