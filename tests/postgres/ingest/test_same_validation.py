"""The same records have the same result in ingestion, in the migration's bulk path, and in PostgreSQL.

Keys and foreign keys, which depend on other rows, are not compared.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.bulk.blocks import TableBatcher
from dataforge.formats.csv_blocks import blocks
from dataforge.formats.csv_boundaries import parse_fields, split_records
from dataforge.formats.csv_records import read_record
from dataforge.http.strictjson import parse
from dataforge.postgres import ddl
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import ident
from dataforge.records.validate import Texts, clean, row_text
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.datasets import DATASETS
from functions.ingest.candidates import validate_batch

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database

Part = tuple[tuple[str, ...], bytes]
Results = dict[int, Texts | list[tuple[str, str | None]]]
OWN_FILES = [
    (name, t.name)
    for name, dataset in DATASETS.items()
    for t in dataset.tables.values()
    # A format rewrites the values of files only.
    if not any(column.format for column in t.columns)
]
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,5})?")
SLOW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def cursor(server: Any) -> Iterator[Cursor]:
    """A cursor on an empty database, with the session settings of Data Forge's functions."""
    database: Database = server.create("results")
    db = database.connect("master")
    db.autocommit = True
    yield db.cursor()
    database.close()


def records_of(part: Part) -> list[dict[str, str]]:
    """The records of a CSV that have the header's columns and are UTF-8, in the form of a request."""
    header, data = part
    records, found = split_records(data, last=True), []
    for index, (start, end) in enumerate(zip(records.starts.tolist(), records.ends.tolist(), strict=True)):
        record = read_record(header, data[start:end], index in records.malformed)
        if isinstance(record, Mapping):
            found.append(dict(record))
    return [record for record in found if record]


def as_json(table: Table, record: dict[str, str], random: Random) -> str:
    """The record's JSON; some numbers are JSON numbers, and some NULLs are null."""
    members = []
    for column in table.columns:
        value = record.get(column.name)
        kind, number = column.type.name, random.random() < 0.5
        if value is None:
            if column.nullable and random.random() < 0.5:
                members.append(f'"{column.name}": null')
        elif (number and kind in ("numeric", "double") and NUMBER.fullmatch(value)) or (
            number and kind in ("integer", "bigint") and re.fullmatch("-?(0|[1-9][0-9]{0,4000})", value)
        ):
            members.append(f'"{column.name}": {value}')
        else:
            members.append(f'"{column.name}": {json.dumps(value)}')
    return f'{{"table": "{table.name}", "data": {{{", ".join(members)}}}}}'


def by_ingest(dataset: Dataset, table: Table, records: list[str]) -> Results:
    """The ingest function's result of each record, without the database."""
    (candidates,), violations = validate_batch(dataset, parse(f"[{','.join(records)}]".encode()))
    results: Results = {i: [(v.code, v.column) for v in found] for i, found in violations.items()}
    results |= dict(zip(candidates.indices, zip(*candidates.columns, strict=True), strict=True))
    return results | {index: results[first] for index, first in candidates.duplicates.items()}


def by_bulk(table: Table, records: list[dict[str, str]]) -> Results:
    """The migration's result of each record, written as CSV."""
    results: Results = {}
    for index, record in enumerate(records):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(
            [record.get(name, "") for name in table.column_names]
        )
        (block,) = blocks(buffer.getvalue().encode(), table.column_names, 0, 1 << 30)
        batch = TableBatcher(table).batch(block)
        if batch.rejected:
            results[index] = [(v.code, v.column) for v in batch.rejected[0].violations]
        else:
            fields = parse_fields(batch.lines[0]) or []
            results[index] = tuple(field.decode() or None for field in fields[:-1])
    return results


def by_postgresql(cursor: Cursor, table: Table, values: list[str | None]) -> str | None:
    """The text of the row that PostgreSQL stores for the values, or None if it refuses them."""
    marks = ", ".join(["%s"] * len(values))
    statement = (
        f"INSERT INTO {ddl.qualified(table, 'results')} VALUES ({marks}) RETURNING {ddl.row_text_sql(table)}"
    )
    try:
        cursor.execute(statement, values)
    except (psycopg2.DataError, psycopg2.IntegrityError, ValueError):
        return None
    return str(one_row(cursor)[0])


def make(cursor: Cursor, table: Table) -> None:
    cursor.execute("DROP SCHEMA IF EXISTS results CASCADE; CREATE SCHEMA results")
    cursor.execute(ddl.create_table(table, "results"))
    for name, definition in ddl.checks(table):
        cursor.execute(
            f"ALTER TABLE {ddl.qualified(table, 'results')} ADD CONSTRAINT {ident(name)} {definition}"
        )


def agree(cursor: Cursor, dataset: Dataset, table: Table, part: Part, random: Random) -> int:
    """Compare the three results; return the number of records."""
    records = records_of(part)
    sent = [as_json(table, record, random) for record in records]
    if not records:
        return 0
    ingested, loaded = by_ingest(dataset, table, sent), by_bulk(table, records)
    assert ingested == loaded
    for index, record in enumerate(records):
        outcome = ingested[index]
        if isinstance(outcome, tuple):
            assert by_postgresql(cursor, table, list(outcome)) == row_text(outcome)
            continue
        cleaned = clean(table, record, Counter())
        kept = by_postgresql(cursor, table, [cleaned.get(name) for name in table.column_names])
        # PostgreSQL reads more spellings than the model; the model accepts the row that it stores.
        assert kept is None or taken(cursor, dataset, table, kept)
    return len(records)


def taken(cursor: Cursor, dataset: Dataset, table: Table, kept: str) -> bool:
    """Whether ingestion accepts the row that PostgreSQL stores, with the same text except for the sign of a zero."""
    columns = [
        f"(r).{ident(c.name)}{' + 0' if c.type.name == 'double' else ''} AS {ident(c.name)}"
        for c in table.columns
    ]
    cursor.execute(
        f"SELECT {', '.join(f'{ident(n)}::text' for n in table.column_names)}, {ddl.row_text_sql(table)}"
        f" FROM (SELECT {', '.join(columns)} FROM (SELECT %s::{ddl.qualified(table, 'results')} AS r) s) t",
        [kept],
    )
    *values, text = one_row(cursor)
    data = {n: v for n, v in zip(table.column_names, values, strict=True) if v is not None}
    (outcome,) = by_ingest(dataset, table, [as_json(table, data, Random(0))]).values()
    return isinstance(outcome, tuple) and row_text(outcome) == text


@pytest.mark.parametrize("name", ["everything", "Points §", "words"])
def test_results_are_the_same_for_every_kind_of_column(
    cursor: Cursor, kitchen: Dataset, csv_part: Callable[[Random, Table], Part], name: str
) -> None:
    table = kitchen.table(name)
    make(cursor, table)

    @SLOW
    @given(st.randoms(use_true_random=True))
    def check(random: Random) -> None:
        agree(cursor, kitchen, table, csv_part(random, table), random)

    check()


@pytest.mark.parametrize(("dataset", "name"), OWN_FILES)
def test_results_are_the_same_for_every_table_of_the_catalogue(
    cursor: Cursor, csv_part: Callable[[Random, Table], Part], dataset: str, name: str
) -> None:
    table, random = DATASETS[dataset].table(name), Random(11)
    make(cursor, table)
    number = sum(agree(cursor, DATASETS[dataset], table, csv_part(random, table), random) for _ in range(8))
    assert number > 20
