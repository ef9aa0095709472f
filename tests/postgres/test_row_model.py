"""PostgreSQL and the row model accept the same rows and write the same texts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dataforge.bulk.blocks import Batch, TableBatcher
from dataforge.formats.csv_blocks import blocks
from dataforge.formats.csv_boundaries import parse_fields, split_records
from dataforge.postgres import ddl
from dataforge.postgres.row_hash import row_hash_of
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident
from dataforge.records.validate import Texts, row_hash, row_text
from dataforge.tables.catalogue import Column, Dataset, Table
from dataforge.tables.datasets import DATASETS
from dataforge.tables.types.floats import DOUBLE

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database, Server

Part = tuple[tuple[str, ...], bytes]
OWN_FILES = [
    (name, t.name)
    for name, dataset in DATASETS.items()
    for t in dataset.tables.values()
    # A format rewrites the values of files only.
    if not any(column.format for column in t.columns)
]


@pytest.fixture(scope="module")
def cursor(server: Server) -> Iterator[Cursor]:
    """A cursor with the session settings of Data Forge's functions; tests create their tables."""
    database: Database = server.create("truth")
    db = database.connect("master")
    db.autocommit = True
    yield db.cursor()
    database.close()


def make(cursor: Cursor, table: Table) -> None:
    """Create an empty table with the types and checks of a table of the catalogue, and the position of each row."""
    cursor.execute("DROP SCHEMA IF EXISTS truth CASCADE; CREATE SCHEMA truth")
    cursor.execute(ddl.create_table(table, "truth", Sql("_source bigint NOT NULL")))
    for name, definition in ddl.checks(table):
        cursor.execute(
            f"ALTER TABLE {ddl.qualified(table, 'truth')} ADD CONSTRAINT {ident(name)} {definition}"
        )


def batch_of(table: Table, part: Part) -> Batch:
    """The batch of a file's records on the bulk path."""
    (block,) = blocks(part[1], part[0], 0, 1 << 30)
    return TableBatcher(table).batch(block)


def sent(lines: bytes) -> dict[int, Texts]:
    """The texts in COPY's lines, by position."""
    records, rows = split_records(lines, last=True), dict[int, Texts]()
    for start, end in zip(records.starts.tolist(), records.ends.tolist(), strict=True):
        *values, position = (field.decode() for field in parse_fields(lines[start:end]) or ())
        rows[int(position)] = tuple(value or None for value in values)
    return rows


def store(cursor: Cursor, table: Table, batch: Batch) -> None:
    """Copy the batch's lines into an emptied table, and compare them with the rows that PostgreSQL stored."""
    relation, lines = ddl.qualified(table, "truth"), b"".join(batch.lines)
    cursor.execute(f"TRUNCATE {relation}")
    columns = f"{ddl.columns_sql(table)}, _source"
    cursor.copy_expert(f"COPY {relation} ({columns}) FROM STDIN (FORMAT csv)", io.BytesIO(lines))
    hashes = f"{ddl.row_hash_sql(table)}, {row_hash_of(cursor, table)}"
    cursor.execute(f"SELECT _source, {ddl.row_text_sql(table)}, {hashes} FROM {relation}")
    found = cursor.fetchall()
    stored = {position: (text, number) for position, text, number, _ in found}
    assert [number for _, _, number, _ in found] == [number for _, _, _, number in found]
    wanted = {position: row_text(texts) for position, texts in sent(lines).items()}
    assert stored == {position: (text, row_hash(text)) for position, text in wanted.items()}
    assert sum(number for _, number in stored.values()) % 2**64 == batch.hash_total


SLOW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", ["everything", "Points §", "words"])
def test_postgresql_stores_every_accepted_row_as_the_same_text(
    cursor: Cursor, kitchen: Dataset, csv_part: Callable[[Random, Table], Part], name: str
) -> None:
    table = kitchen.table(name)
    make(cursor, table)

    @SLOW
    @given(st.randoms(use_true_random=True))
    def check(random: Random) -> None:
        store(cursor, table, batch_of(table, csv_part(random, table)))

    check()


@pytest.mark.parametrize(("dataset", "name"), OWN_FILES)
def test_postgresql_stores_every_accepted_row_of_the_catalogue_as_the_same_text(
    cursor: Cursor, csv_part: Callable[[Random, Table], Part], dataset: str, name: str
) -> None:
    table, random = DATASETS[dataset].table(name), Random(7)
    make(cursor, table)
    for _ in range(10):
        store(cursor, table, batch_of(table, csv_part(random, table)))


def canonical(column: Column, value: str) -> str | None:
    """The canonical text that the column's validator makes of the value without cleaning it, or None."""
    try:
        return column.type.text(column.rule.adapter.validate_python(value))
    except ValidationError:
        return None


def kept(cursor: Cursor, table: Table, column: Column, value: str) -> str | None:
    """The text that PostgreSQL stores for the value, or None if it refuses it."""
    relation, name = ddl.qualified(table, "truth"), ident(column.name)
    insert = f"INSERT INTO {relation} ({name}, _source) VALUES (%s, 0) RETURNING ROW({name})::text"
    try:
        cursor.execute(insert, [value])
    except (psycopg2.DataError, psycopg2.IntegrityError):
        return None
    text = str(one_row(cursor)[0])[1:-1]
    return text[1:-1].replace('""', '"').replace("\\\\", "\\") if text.startswith('"') else text


def check_column(cursor: Cursor, table: Table, column: Column, value: str) -> None:
    """Compare PostgreSQL's result with the model's, in both directions."""
    accepted = canonical(column, value)
    if accepted is not None:
        assert kept(cursor, table, column, accepted) == accepted, f"{column.name} = {value!r}"
        return
    text = kept(cursor, table, column, value)
    assert text is None or canonical(column, text) == text, (
        f"PostgreSQL keeps {column.name} = {value!r} as {text!r}"
    )


LIMITS = """
infinity -infinity NaN -NaN +inf 1e308 1e-308 -0 0 1 5 6 -1 1.005 99999999.99 99999999.994 99999999.995 100000000 90
90.00000001 -90 -180 180.5 epoch now today 0001-01-01 0001-01-01T00:00:00 4714-01-01BC 10000-01-01 9999-12-31
0044-03-15BC allballs 294276-12-31 99999-01-01 2018-01-01T24:00:00 2018-01-01T10:00:00+03 2018-06-01T00:00:60
2147483647 2147483648 -2147483648 -2147483649 1_000 0x10 0b11 9223372036854775808 t true yes on 2
"""


def test_rows_that_postgresql_accepts_are_valid_for_the_model(
    cursor: Cursor, kitchen: Dataset, strange: list[str]
) -> None:
    values = [value for value in (*LIMITS.split(), *strange) if value and "\0" not in value]
    checked = set()
    for table in (*kitchen.tables.values(), *(t for d in DATASETS.values() for t in d.tables.values())):
        make(cursor, table)
        # Each column is filled separately.
        for column in table.columns:
            relation, name = ddl.qualified(table, "truth"), ident(column.name)
            cursor.execute(f"ALTER TABLE {relation} ALTER {name} DROP NOT NULL")
        for column in table.columns:
            if column.rule.digest is None and column.rule not in checked:
                checked.add(column.rule)
                for value in values:
                    check_column(cursor, table, column, value)
    assert len(checked) > 20


def test_postgresql_accepts_only_the_digest_of_the_other_columns(cursor: Cursor) -> None:
    table = DATASETS["quotes"].table("quotes")
    make(cursor, table)
    good = batch_of(
        table, (table.column_names, "Ana,ação,1d0eafffde3b5a1f4d1ee5a1ee6c4a5f\nAna,ação,\n".encode())
    )
    assert [v.code for r in good.rejected for v in r.violations] == ["digest_mismatch"]
    store(cursor, table, good)
    with pytest.raises(psycopg2.errors.CheckViolation):
        cursor.execute("UPDATE truth.quotes SET author = 'Eva'")


def test_text_of_a_double_equals_postgresqls_also_if_a_shorter_text_is_halfway(
    cursor: Cursor,
) -> None:
    random = Random(7)
    large = [random.randint(2**52, 2**60) * 2.0 ** random.randint(0, 40) for _ in range(20_000)]
    numbers = [35205445638927248.0, 9007199254740993.0, 1.7976931348623157e308, -5e22, *large]
    cursor.execute(
        "SELECT array_agg(n::text ORDER BY i) FROM unnest(%s::float8[]) WITH ORDINALITY AS t(n, i)",
        (numbers,),
    )
    (texts,) = one_row(cursor)
    assert [DOUBLE.text(number) for number in numbers] == texts
    assert (
        sum(Decimal(repr(number)) != Decimal(text) for number, text in zip(numbers, texts, strict=True)) > 3
    )
