"""The rejected records of a check as evidence: their reasons with examples, and values for suggestions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from dataforge.files.names import is_parquet
from dataforge.records.rejections import Located
from dataforge.records.suggestion_evidence import (
    COLUMNS,
    MISFITS,
    RAW_CHARACTERS,
    RECORDS,
    ColumnValues,
    Evidence,
    Misfits,
    suggestions_for,
)
from dataforge.records.suggestions import DISTINCT, Suggestion
from dataforge.runs.results.report import Example, Reason
from dataforge.tables.catalogue import Source, Table
from functions.migrate.report.rejections import RAW_LIMIT
from functions.migrate.run.reading.replayed import record_fields
from functions.migrate.run.rejections.reasons import EXAMPLES
from functions.migrate.run.work_items import LoadItem

_BYTES = 16 << 20
"""The size of the values and records of one table that a process stores."""

Cause = tuple[str, str | None]
"""A code and a column."""


@dataclass
class RejectedRecords:
    """The rejected records of one table: how many have each cause, with examples, and their values."""

    causes: Counter[Cause] = field(default_factory=Counter)
    examples: dict[Cause, list[Example]] = field(default_factory=dict)
    columns: dict[str, ColumnValues] = field(default_factory=dict)
    misfits: list[str] = field(default_factory=list)
    misfit: tuple[tuple[str, ...], str] | None = None
    codecs: Counter[str] = field(default_factory=Counter)
    size: int = 0

    def add(self, record: Located, item: LoadItem, source: Source) -> None:
        """Add a record that was rejected when it was read."""
        for cause in dict.fromkeys((violation.code, violation.column) for violation in record.violations):
            self.causes[cause] += 1
            self.quote(record, cause)
        text = record.text
        codes = {violation.code for violation in record.violations}
        if "string_unicode" in codes:
            self._add_unreadable(item, source)
        if len(text) > RAW_CHARACTERS or self.size > _BYTES:
            return
        if "field_count" in codes:
            self._add_misfit(text, item, source)
        self._add_values(record, text, item, source)

    def quote(self, record: Located, cause: Cause) -> None:
        """Add a record to the examples of a cause, unless there are enough. Long records are not quoted."""
        shown = self.examples.setdefault(cause, [])
        if len(shown) >= EXAMPLES:
            return
        raw = record.text
        message = next(v.message for v in record.violations if (v.code, v.column) == cause)
        quoted = raw if len(raw) <= RAW_LIMIT else None
        shown.append(Example(file=record.file, line=record.line, message=message, raw=quoted))

    def _add_unreadable(self, item: LoadItem, source: Source) -> None:
        if _is_csv(item, source):
            self.codecs[source.dialect.codec] += 1

    def _add_misfit(self, text: str, item: LoadItem, source: Source) -> None:
        if len(self.misfits) < MISFITS and _is_csv(item, source):
            self.misfits.append(text)
            self.size += len(text)
            self.misfit = self.misfit or (tuple(item.header), source.dialect.delimiters[0])

    def _add_values(self, record: Located, text: str, item: LoadItem, source: Source) -> None:
        columns = {v.column for v in record.violations if v.column and self._examines(v.column)}
        if not columns:
            return
        raw = text if isinstance(record.raw, bytes) else json.loads(text, parse_float=Decimal)
        fields = record_fields(raw, list(item.header), item.folder_values or {}, source, item.key)
        if isinstance(fields, list):
            return
        named = dict(fields)
        for column in columns:
            self._add_value(named, column)

    def _examines(self, column: str) -> bool:
        """Whether further records of the column are read."""
        return column not in self.columns or self.columns[column].records < RECORDS

    def _add_value(self, fields: dict[str, object], column: str) -> None:
        found = self.columns.setdefault(column, ColumnValues())
        value = fields.get(column)
        known = isinstance(value, str) and value in found.values
        if known or len(found.values) < DISTINCT:
            found.add(fields, column)
            self.size += 0 if known else len(str(value))

    def merge(self, other: RejectedRecords) -> None:
        """Add the records of other files, or of a later part of a file."""
        self.causes += other.causes
        self.codecs += other.codecs
        for cause, examples in other.examples.items():
            self.examples[cause] = (self.examples.get(cause, []) + examples)[:EXAMPLES]
        self.misfits = (self.misfits + other.misfits)[:MISFITS]
        self.misfit = self.misfit or other.misfit
        for column, found in other.columns.items():
            self.columns.setdefault(column, ColumnValues()).merge(found)

    def reasons(self) -> tuple[Reason, ...]:
        """The causes as a migration's report states them, the most frequent first."""
        return tuple(
            Reason(code=code, column=column, rows=rows, examples=tuple(self.examples.get((code, column), ())))
            for (code, column), rows in sorted(self.causes.items(), key=lambda item: (-item[1], str(item[0])))
        )

    def suggestions(self, table: Table, *, read: int, rejected: int) -> tuple[Suggestion, ...]:
        """Declarations that would accept rejected values."""
        misfits = Misfits(self.misfits, *self.misfit) if self.misfit else None
        unknown = [
            (column or "", n) for (code, column), n in self.causes.most_common() if code == "unknown_column"
        ]
        evidence = Evidence(
            read, rejected, list(self._columns(table)), misfits, self.codecs.most_common(), unknown[:COLUMNS]
        )
        return tuple(suggestions_for(table, evidence))

    def _columns(self, table: Table) -> Iterator[tuple[str, ColumnValues]]:
        """The values of the columns with the most rejections."""
        counts = Counter[str]()
        for (_, column), rows in self.causes.items():
            if column in self.columns and column in table.by_name:
                counts[column] += rows
        return ((column, self.columns[column]) for column, _ in counts.most_common(COLUMNS))


def _is_csv(item: LoadItem, source: Source) -> bool:
    return not source.is_json_lines(item.key) and not is_parquet(item.key)
