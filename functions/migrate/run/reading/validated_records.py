"""Records that are judged one by one: of flat files that are not CSV, and of replays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dataforge.bulk.blocks import Batch, TableBatcher
from dataforge.records.rejections import Located
from dataforge.records.validate import Violation, process
from dataforge.tables.catalogue import Source, Split, Table

Fields = Mapping[str, Any]


@dataclass
class Part:
    """What came out of some records for one table: good rows, and bad ones with their place in the file.

    ``batch.read = batch.rows + batch.deduplicated + len(rejected)``
    """

    table: Table
    batch: Batch = field(default_factory=Batch)
    rejected: list[Located] = field(default_factory=list)


@dataclass(frozen=True)
class Record:
    """One record: its position, what is kept of it if it is bad, and what it says, or what is wrong with its shape.

    ``source``: the file it comes from, if that is known; else, and if that is not flat, it is one of ``table``.
    """

    position: int
    place: Located
    table: str
    source: Source | None
    fields: Fields | list[Violation]

    @property
    def split(self) -> Split | None:
        """How the record is cut into rows of several tables, if it is."""
        return self.source.split if self.source else None

    def violations(self) -> list[Violation]:
        """What is wrong with the record's shape. In a flat file a value is a text."""
        if isinstance(self.fields, list):
            return self.fields
        wrong = [n for n, value in self.fields.items() if self.split and not isinstance(value, str | None)]
        return [Violation("string_type", "Input should be a valid string", name) for name in wrong]

    def rows(self) -> Iterable[tuple[str, Fields]]:
        """The tables that the record has rows of, with their values; only of a record without violations."""
        if isinstance(self.fields, list):
            return []
        if self.split is None:
            return [(self.table, self.fields)]
        return self.split({name: value for name, value in self.fields.items() if value})


def judge_each(tables: Mapping[str, Table], records: Iterable[Record]) -> Iterator[Part]:
    """Judge the records; a part per table. Rows of other tables are left out."""
    judge = Judge({name: Part(table) for name, table in tables.items()})
    for record in records:
        judge(record)
    yield from judge.parts.values()


class Judge:
    """Judges records one by one, and adds what comes of them to the parts of the tables."""

    def __init__(self, parts: Mapping[str, Part], batchers: Mapping[str, TableBatcher] | None = None) -> None:
        self.parts = parts
        self._batchers = batchers or {name: TableBatcher(part.table) for name, part in parts.items()}

    def __call__(self, record: Record) -> None:
        """Judge a record. If it is malformed it is read, and rejected, once."""
        if violations := record.violations():
            part = self.parts[record.table]
            part.batch.read += 1
            part.rejected.append(replace(record.place, violations=violations))
            return
        for name, data in record.rows():
            if name in self.parts:
                self._judge(self.parts[name], self._batchers[name], record, data)

    def _judge(self, part: Part, batcher: TableBatcher, record: Record, data: Fields) -> None:
        part.batch.read += 1
        verdict = process(part.table, data, part.batch.cleanings)
        if isinstance(verdict, list):
            part.rejected.append(replace(record.place, violations=verdict))
        else:
            batcher.add_row(part.batch, verdict, record.position)
