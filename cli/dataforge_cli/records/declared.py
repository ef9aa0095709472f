"""The declaration of a file that is ingested: its format, its headers, and the formats of its values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import IO, Any

from dataforge.errors import MissingColumn
from dataforge.errors import RecordTooLong as TooLong
from dataforge.formats.dialect_reader import LONGEST_RECORD, Record, RecordTooLong, fields_of, read_records
from dataforge.formats.headers import IGNORED
from dataforge.records.validate import rewrite
from dataforge.tables.catalogue import Source, Table


@dataclass(frozen=True)
class Declared:
    """The file of one table, as its dataset declares it."""

    source: Source
    table: Table

    def typed(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields after the formats of their columns, as the API accepts them."""
        return rewrite(self.table, fields, Counter())

    def members(self, members: Mapping[str, str]) -> dict[str, str]:
        """The members of a JSON object, name -> text of the value, by column. Unknown names are unchanged."""
        named: dict[str, str] = {}
        for key, text in members.items():
            column = self.source.names.column(key) or key
            if column in named:
                raise ValueError(f"two names stand for the column {column}")
            if not column.startswith(IGNORED):
                named[column] = text
        given = {name: json.loads(text, parse_float=Decimal) for name, text in named.items()}
        typed = self.typed(given)
        if typed is given:
            return named
        # A format drops null, which the API distinguishes from a missing member of an unknown column.
        return {
            name: text if given[name] is None or typed[name] is given[name] else _text(typed[name])
            for name, text in named.items()
            if name in typed or given[name] is None
        }


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_dialect(
    stream: IO[bytes], declared: Declared, name: str
) -> Iterator[tuple[Record, Mapping[str, Any] | list[Any]]]:
    """Yield each record of a CSV in its declared dialect with its fields by column, or its violations."""
    dialect = declared.source.dialect
    records = read_records(stream.read, dialect)
    try:
        columns = _columns(list(islice(records, dialect.header)), declared, name)
        for record in records:
            fields = fields_of(record, columns, dialect)
            yield record, fields if isinstance(fields, list) else declared.typed(fields)
    except RecordTooLong as error:
        raise TooLong(name, error.line, LONGEST_RECORD) from None


def _columns(lines: list[Record], declared: Declared, name: str) -> tuple[str, ...]:
    """The columns of the header's records. Raises the errors of ``check_columns``."""
    source = declared.source
    if not source.dialect.header:
        return source.columns
    if not lines or any(line.fields is None for line in lines):
        raise MissingColumn(name, source.names.texts, "Its header cannot be read.")
    # Importing numpy takes long, and other formats do not need it.
    from dataforge.formats.csv_header import check_columns  # noqa: PLC0415

    texts = zip(*(line.fields or () for line in lines), strict=False)
    headers = tuple(" ".join(parts).strip() for parts in texts)
    required = [column for column in source.columns if column not in source.optional]
    check_columns(name, headers, source.names, required)
    return source.names.columns(headers)
