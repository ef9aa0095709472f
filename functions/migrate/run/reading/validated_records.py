"""Validate records one by one: records of flat files, of replays, and those that a validation by columns leaves over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataforge.bulk.blocks import Batch, TableBatcher
from dataforge.records.rejections import Located
from dataforge.records.validate import rewrite, validate
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Source, Split, Table

Fields = Mapping[str, Any]
BatcherOf = Callable[[Table], TableBatcher]


@dataclass
class ValidatedRecords:
    """The result for one table of validating some records: valid rows, and rejected records with their location.

    ``batch.read = batch.rows + batch.deduplicated + len(rejected)``
    """

    table: Table
    batch: Batch = field(default_factory=Batch)
    rejected: list[Located] = field(default_factory=list)


@dataclass(frozen=True)
class Record:
    """One record: its position, its rejection without violations, and its fields or the violations of its shape.

    ``source``: the file of the record, None if unknown. A record is a row of ``table`` unless its file is flat.
    """

    position: int
    location: Located
    table: str
    source: Source | None
    fields: Fields | list[Violation]

    @property
    def split(self) -> Split | None:
        """The function that splits the record into rows of several tables; None if it is one row."""
        return self.source.split if self.source else None

    def violations(self) -> list[Violation]:
        """The violations of the record's shape. In a flat file a value must be a string."""
        if isinstance(self.fields, list):
            return self.fields
        wrong = [n for n, value in self.fields.items() if self.split and not isinstance(value, str | None)]
        return [Violation("string_type", "Input should be a valid string", name) for name in wrong]

    def rows(self) -> Iterable[tuple[str, Fields]]:
        """The record's rows, each with the name of its table. Only for a record without violations."""
        if isinstance(self.fields, list):
            return []
        if self.split is None:
            return [(self.table, self.fields)]
        return self.split({name: value for name, value in self.fields.items() if value})


def validate_each(
    tables: Mapping[str, Table], records: Iterable[Record], batcher: BatcherOf = TableBatcher
) -> Iterator[ValidatedRecords]:
    """Validate the records; one result per table. Rows of other tables are ignored."""
    results = {name: ValidatedRecords(table) for name, table in tables.items()}
    validator = Validator(results, {name: batcher(table) for name, table in tables.items()})
    for record in records:
        validator.add(record)
    yield from validator.results.values()


class Validator:
    """Validates records one by one and collects the results by table."""

    def __init__(self, results: Mapping[str, ValidatedRecords], batchers: Mapping[str, TableBatcher]) -> None:
        self.results = results
        self._batchers = batchers

    def add(self, record: Record) -> None:
        """Validate a record. A malformed record counts once, for its table."""
        if violations := record.violations():
            result = self.results[record.table]
            result.batch.read += 1
            result.rejected.append(record.location._replace(violations=violations))
            return
        for name, fields in record.rows():
            if name in self.results:
                self._add_row(self.results[name], self._batchers[name], record, fields)

    def _add_row(
        self, result: ValidatedRecords, batcher: TableBatcher, record: Record, fields: Fields
    ) -> None:
        result.batch.read += 1
        if record.source is not None:
            fields = rewrite(result.table, fields, result.batch.cleanings)
        row = validate(result.table, fields, result.batch.cleanings)
        if isinstance(row, list):
            result.rejected.append(record.location._replace(violations=row))
        else:
            batcher.add_row(result.batch, row, record.position)
