"""Convert a block of a CSV to lines for COPY, their hash, and rejections.

A block consists of whole records in memory, at most some megabytes. Regular records are processed by columns with Arrow.
Records that are malformed, not UTF-8 or of the wrong length, and rows that the columns do not decide, are processed by
``dataforge.records.validate.validate``.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataforge.bulk.canonical import CanonicalColumn, Errors, canonical
from dataforge.bulk.json_values import canonical_json
from dataforge.bulk.repeated_records import RepeatedRecords
from dataforge.bulk.row_hashes import digests as row_digests
from dataforge.bulk.row_hashes import hash_total, text_bytes
from dataforge.bulk.table_checks import failing
from dataforge.formats.csv_blocks import (
    Block,
    FolderValues,
    present_records,
    read_columns,
    regular_records,
    with_folder_values,
)
from dataforge.formats.csv_boundaries import Offsets
from dataforge.formats.csv_records import read_record
from dataforge.formats.dialect import STANDARD, Csv
from dataforge.formats.headers import Headers
from dataforge.records.validate import Cleanings, Texts, copy_line, rewrite, row_text, validate
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Table

_MOST_KINDS = 1 << 31
"""Possible combinations of errors, up to which those that occur are not counted."""


class Rejected(NamedTuple):
    """A rejected record: its offset in the block, its raw bytes, and all violations."""

    offset: int
    raw: bytes
    violations: list[Violation]


@dataclass
class Batch:
    """The result of some records for one table.

    ``lines``: COPY CSV lines, the columns in catalogue order and the record's position last. ``hash_total``: the sum of
    the row hashes of these lines (modulo 2**64). ``read = rows + deduplicated + len(rejected)``.
    """

    read: int = 0
    rows: int = 0
    deduplicated: int = 0
    hash_total: int = 0
    lines: list[bytes] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    cleanings: Cleanings = field(default_factory=Counter)


class TableBatcher:
    """Convert blocks of one table's file to batches, and deduplicate the rows of a table whose key is the row.

    Tables with foreign keys are not deduplicated here: of equal orphans the first in the file must be rejected, and blocks
    have no order.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._dedupes = table.keyed_by_row and not table.foreign_keys
        self._seen: set[bytes] = set()
        self._repeats = False
        self._records_so_far = RepeatedRecords()
        self._special: list[int] = []
        self._known: dict[tuple[Errors, ...], list[Violation]] = {}

    def batch(self, block: Block) -> Batch:
        """The block's batch. Every record that is not blank is counted in ``read``."""
        present = present_records(block)
        regular = regular_records(block) & present
        batch = Batch(read=int(present.sum()))
        doubtful = present & ~regular
        for records in self._distinct(block, np.flatnonzero(regular), batch):
            doubtful[self._columns(block, records, batch)] = True
        self._records(block, np.flatnonzero(doubtful), batch)
        self._repeats = self._dedupes and 2 * batch.deduplicated >= batch.read
        return batch

    def _distinct(
        self, block: Block, regular: NDArray[np.int64], batch: Batch
    ) -> Iterator[NDArray[np.int64]]:
        """The regular records to process; if half of the previous block was duplicates, the first of those with equal bytes.

        Every record that is rejected or cleaned is processed.
        """
        new = self._records_so_far.are_new(block, regular) if self._repeats else None
        if new is None:
            if len(regular):
                yield regular
            return
        self._special = []
        if new.any():
            yield regular[new]
        again = self._records_so_far.forget(self._special)[regular] & ~new
        if again.any():
            yield regular[again]
        batch.deduplicated += len(regular) - int(new.sum()) - int(again.sum())

    def _columns(self, block: Block, regular: NDArray[np.int64], batch: Batch) -> NDArray[np.int64]:
        """Process the regular records by columns. Returns the records that the model must validate."""
        raw = read_columns(block, regular)
        if raw is None or raw.num_rows != len(regular) or not self.table.columns_are_independent:
            self._special = regular.tolist()
            return regular
        texts = {name: raw.column(name).combine_chunks() for name in raw.column_names}
        texts |= {name: constant(value, raw.num_rows) for name, value in block.folder_values.items()}
        has_nul = b"\0" in block.data or any("\0" in (value or "") for value in block.folder_values.values())
        columns = self._canonical(texts, len(regular), has_nul=has_nul)
        bad = self._good(batch, columns, block.records.starts[regular] + block.position)
        if self._repeats:
            self._special = regular[reduce(np.logical_or, _cleaned(columns), bad)].tolist()
        return self._bad(block, regular, np.flatnonzero(bad), columns, batch)

    def _bad(
        self,
        block: Block,
        regular: NDArray[np.int64],
        bad: NDArray[np.int64],
        columns: list[CanonicalColumn],
        batch: Batch,
    ) -> NDArray[np.int64]:
        """Reject the records whose errors are known, and return the others.

        Columns are independent, so the violations of a record depend on the errors of its values only.
        """
        reasons, kinds = self._reasons(block, regular[bad], columns, bad)
        known = np.array([bool(reason) for reason in reasons], np.bool_)[kinds]
        records = regular[bad[known]]
        starts, ends = block.records.starts[records].tolist(), block.records.ends[records].tolist()
        batch.rejected += [
            Rejected(start, block.data[start:end], reasons[kind])
            for start, end, kind in zip(starts, ends, kinds[known].tolist(), strict=True)
        ]
        for name, column in zip(self.table.column_names, columns, strict=True):
            column.count(name, bad[known], batch.cleanings)
        return regular[bad[~known]]

    def _reasons(
        self,
        block: Block,
        records: NDArray[np.int64],
        columns: Sequence[CanonicalColumn],
        rows: NDArray[np.int64],
    ) -> tuple[list[list[Violation]], NDArray[np.intp]]:
        """The violations of each combination of errors, and which combination each of the records has.

        Violations are empty if they are not known. ``rows``: the records' indices in the columns.
        """
        coded = [column.coded_errors(rows) for column in columns]
        kinds, count = np.zeros(len(rows), np.intp), 1
        for distinct, codes in coded:
            if count * len(distinct) > _MOST_KINDS:
                known, kinds = np.unique(kinds, return_inverse=True)
                count = len(known)
            kinds, count = kinds * len(distinct) + codes, count * len(distinct)
        _, first, kinds = np.unique(kinds, return_index=True, return_inverse=True)
        reasons = []
        for place in first.tolist():
            found = tuple(distinct[codes[place]] for distinct, codes in coded)
            if found not in self._known:
                self._known[found] = self._violations(block, int(records[place])) if any(found) else []
            reasons.append(self._known[found])
        return reasons, kinds

    def _violations(self, block: Block, index: int) -> list[Violation]:
        """The violations of a record with invalid values; empty if the model accepts them."""
        result = self._validate_record(block, index, malformed=False, cleanings=Counter())
        return result if isinstance(result, list) else []

    def add_columns(
        self,
        batch: Batch,
        texts: Mapping[str, pa.Array],
        positions: Offsets,
        *,
        has_nul: bool,
        typed: Mapping[str, NDArray[np.bool_]] | None = None,
    ) -> NDArray[np.bool_]:
        """Add the valid rows, given by columns. Returns a mask of the rows that the model must validate.

        ``typed``: for some columns, a mask of the texts that are JSON in place of a string's characters.
        """
        if not self.table.columns_are_independent:
            return np.ones(len(positions), np.bool_)
        return self._good(batch, self._canonical(texts, len(positions), typed, has_nul=has_nul), positions)

    def _canonical(
        self,
        texts: Mapping[str, pa.Array],
        rows: int,
        typed: Mapping[str, NDArray[np.bool_]] | None = None,
        *,
        has_nul: bool,
    ) -> list[CanonicalColumn]:
        missing = [name for name in self.table.column_names if name not in texts]
        texts = {**texts, **{name: constant(None, rows) for name in missing}}
        typed = {name: mask for name, mask in (typed or {}).items() if mask.any()}
        return [
            canonical_json(column, texts[column.name], typed[column.name])
            if column.name in typed
            else canonical(column, texts[column.name], has_nul)
            for column in self.table.columns
        ]

    def _good(self, batch: Batch, columns: list[CanonicalColumn], positions: Offsets) -> NDArray[np.bool_]:
        """Add the rows without errors. Returns a mask of the others."""
        masks = [mask for column in columns if (mask := column.bad()) is not None]
        bad = reduce(np.logical_or, masks, np.zeros(len(positions), np.bool_))
        if self.table.checks:
            valid = pa.array(~bad)
            bad[~bad] = failing(self.table, [column.quoted.filter(valid) for column in columns])
        for name, column in zip(self.table.column_names, columns, strict=True):
            column.count(name, ~bad, batch.cleanings)
        self.add_valid(batch, [column.quoted for column in columns], positions, bad)
        return bad

    def add_valid(
        self, batch: Batch, quoted: Sequence[pa.Array], positions: Offsets, bad: NDArray[np.bool_]
    ) -> None:
        """Add the rows that are not ``bad``, given by their canonical texts in the form of a row's text."""
        body = row_bodies(quoted)
        if bad.any():
            body, positions = body.filter(pa.array(~bad)), positions[~bad]
        digests = row_digests(body)
        if self._dedupes and not (new := self._are_new(digests)).all():
            batch.deduplicated += len(new) - int(new.sum())
            body, positions = body.filter(pa.array(new)), positions[new]
            digests = list(itertools.compress(digests, new.tolist()))
        batch.rows += len(digests)
        batch.hash_total = (batch.hash_total + hash_total(digests)) % 2**64
        if b"\\" in text_bytes(body):
            body = pc.replace_substring(body, "\\\\", "\\")
        ends = pc.binary_join_element_wise(pc.cast(pa.array(positions), pa.string()), "", "\n")
        lines = pc.binary_join_element_wise(body, ends, ",")
        batch.lines.append(text_bytes(lines))

    def _are_new(self, digests: Sequence[bytes]) -> NDArray[np.bool_]:
        """Mask of the rows that are the first with their digest."""
        seen, add = self._seen, self._seen.add
        # add() returns None. A statement per row would take longer.
        return np.fromiter((not (d in seen or add(d)) for d in digests), np.bool_, len(digests))

    def _records(self, block: Block, indices: NDArray[np.int64], batch: Batch) -> None:
        """Process records one by one with the row model."""
        malformed = set(block.records.malformed)
        for index, start in zip(indices.tolist(), block.records.starts[indices].tolist(), strict=True):
            result = self._validate_record(
                block, index, malformed=index in malformed, cleanings=batch.cleanings
            )
            if isinstance(result, list):
                batch.rejected.append(Rejected(start, block.raw(index), result))
            else:
                self.add_row(batch, result, start + block.position)

    def _validate_record(
        self, block: Block, index: int, *, malformed: bool, cleanings: Cleanings
    ) -> Texts | list[Violation]:
        raw = block.raw(index)
        return validate_record(
            *(self.table, block.header, raw, malformed, cleanings),
            *(block.folder_values, block.names, block.dialect),
        )

    def add_row(self, batch: Batch, texts: Texts, position: int) -> None:
        """Add one row, unless an equal row was added and the table keeps it once."""
        digest = hashlib.md5(row_text(texts).encode(), usedforsecurity=False).digest()
        if self._dedupes:
            if digest in self._seen:
                batch.deduplicated += 1
                return
            self._seen.add(digest)
        batch.rows += 1
        batch.hash_total = (batch.hash_total + hash_total([digest])) % 2**64
        batch.lines.append(f"{copy_line(texts)},{position}\n".encode())


def _cleaned(columns: Iterable[CanonicalColumn]) -> Iterator[NDArray[np.bool_]]:
    """Masks of the rows with a cleaned value."""
    return (mask for column in columns if (mask := column.cleaned()) is not None)


def row_bodies(quoted: Sequence[pa.Array]) -> pa.Array:
    """The rows' texts without parentheses."""
    return pc.binary_join_element_wise(*quoted, ",", null_handling="replace", null_replacement="")


def constant(value: str | None, count: int) -> pa.Array:
    """A column in which each record has the same text."""
    return pa.repeat(pa.scalar(value, pa.string()), count)


def validate_record(
    table: Table,
    header: tuple[str, ...],
    raw: bytes,
    malformed: bool,
    cleanings: Cleanings,
    folder_values: FolderValues | None = None,
    names: Headers | None = None,
    dialect: Csv = STANDARD,
) -> Texts | list[Violation]:
    """The texts of one raw record of a table's own file, or its violations."""
    record = with_folder_values(read_record(header, raw, malformed, names, dialect), folder_values)
    if isinstance(record, list):
        return record
    return validate(table, rewrite(table, record, cleanings), cleanings)
