"""Rejections are stored unchanged for any bytes and texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import boto3
import psycopg2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import LOAD
from dataforge.records.rejections import RAW_LIMIT, Located, raw_text
from dataforge.records.violation import Violation
from dataforge.settings import RejectionLimits
from dataforge.tables.datasets import DATASETS
from functions.migrate.run.rejections.store import RejectionStore

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection, Cursor
    from tests.postgres.conftest import Database

TABLE = DATASETS["olist"].table("orders")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
RAW = (
    st.binary(max_size=40)
    | TEXT.map(str.encode)
    | st.sampled_from([b"\\u0000", b"\\.", b'"', b"a\0b\r\n", b"\xed\xa0\x80"])
)
NAME = TEXT.filter(lambda name: bool(name) and "\0" not in name)
VIOLATIONS = st.lists(st.builds(Violation, NAME, TEXT, st.none() | NAME), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def worker(module_database: Database) -> Connection:
    """The connection of a worker."""
    return module_database.connect(LOAD)


def store(cursor: Cursor, rejections: Iterable[Located]) -> None:
    """Store the rejections of a run that an earlier version planned: it has no limits."""
    limits = RejectionLimits(report_bucket="none", rejections_per_table=0)
    rows = RejectionStore(cursor, boto3.client("s3"), limits, "run", TABLE, "chunk-1")
    rows.add(rejections)
    assert rows.close() is None


def stored(database: Database, worker: Connection, located: Located) -> tuple[Any, ...]:
    """Store a rejection; return its row except id and time, and delete it."""
    with transaction(worker) as cursor:
        store(cursor, [located])
    rows = 'DELETE FROM dataforge.rejections RETURNING dataset, "table", raw #>> \'{}\', errors, file, line, "offset"'
    [row] = database.query(rows)
    return row


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RAW, VIOLATIONS, NAME, st.integers(1, 2**40))
@example(b"a\rb", [Violation("c", "\r")], "\r", 1)
@example(b"\0\\u0000\\x00", [Violation("c", "\0\\u0000\\x00")], 'a,"b"\n\\.', 1)
def test_rejection_stores_record_reasons_and_position(
    module_database: Database,
    worker: Connection,
    raw: bytes,
    violations: list[Violation],
    file: str,
    line: int,
) -> None:
    found = stored(module_database, worker, Located("run", file, line, line * 7, raw, violations))
    errors = [{name: text.replace("\0", "\\x00") for name, text in v.as_json().items()} for v in violations]
    assert found == ("olist", "orders", raw_text(raw), errors, file, line, line * 7)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a,b\n", "a,b"),
        (b"a,b\r\n", "a,b"),
        (b"a,b\r", "a,b"),
        (b"a\n\n", "a\n"),
        (b"S\xe3o Paulo", "S\\xe3o Paulo"),
        ("São\u2028".encode(), "São\u2028"),
        (b"a\0b", "a\\x00b"),
        (b"", ""),
    ],
)
def test_text_of_a_record_has_no_line_end_and_escapes_invalid_bytes(raw: bytes, text: str) -> None:
    assert raw_text(raw) == text


def test_long_record_is_truncated_and_marked() -> None:
    text = raw_text(b"x" * (RAW_LIMIT + 5))
    assert len(text) < RAW_LIMIT + 100
    assert f"{RAW_LIMIT + 5:,} bytes" in text


def test_many_rejections_are_stored_in_order(module_database: Database, worker: Connection) -> None:
    many = (Located("run", "f", n, n, b"x" * 2000, [Violation("code", "message")]) for n in range(1, 6001))
    with transaction(worker) as cursor:
        store(cursor, many)
    assert module_database.query("SELECT line FROM dataforge.rejections ORDER BY id") == [
        (n,) for n in range(1, 6001)
    ]
    module_database.query("DELETE FROM dataforge.rejections")


def test_rejections_are_rolled_back_with_the_transaction(
    module_database: Database, worker: Connection
) -> None:
    def work() -> None:
        with transaction(worker) as cursor:
            store(cursor, [Located("run", "f", 1, 0, b"x", [Violation("code", "message")])])
            cursor.execute("SELECT 1 / 0")

    with pytest.raises(psycopg2.errors.DivisionByZero):
        work()
    assert module_database.query("SELECT * FROM dataforge.rejections") == []
