"""The upkeep does the work that reads all rows of a large table; it can be stopped and repeated at any point."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import Field

from dataforge.errors import Busy, SchemaRefused
from dataforge.postgres.roles import LOGINS, OWNERS
from dataforge.postgres.sql import Sql
from dataforge.tables.catalogue import Dataset
from dataforge.tables.columns import Count, Exact, Integer, Key, Label, Money, References
from dataforge.tables.datasets import DATASETS
from dataforge.tables.row import Row
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine
from functions.schema.size import LARGE_ROWS, Size
from functions.schema.upkeep import work

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

Shop = Callable[..., Dataset]
PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")


class Item(Row, table="items"):
    item: Annotated[Label, Key()]
    kind: Literal["old", "new"]


class Loose(Row, table="orders"):
    number: Annotated[Integer, Key()]
    item: Label | None = None
    amount: Integer


class Strict(Row, table="orders"):
    number: Annotated[Integer, Key()]
    item: Annotated[Label, References("items")]
    amount: Count


class OtherKey(Row, table="orders"):
    number: Integer
    item: Label | None = None
    amount: Annotated[Integer, Key()]


class Price(Row, table="prices"):
    number: Annotated[Integer, Key()]
    price: Money


class WiderPrice(Row, table="prices"):
    number: Annotated[Integer, Key()]
    price: Annotated[Exact, Field(max_digits=12, decimal_places=2, ge=0)]


class FinerPrice(Row, table="prices"):
    number: Annotated[Integer, Key()]
    price: Annotated[Exact, Field(max_digits=14, decimal_places=4, ge=0)]


@pytest.fixture
def large(
    database: Database, master: Connection, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Apply the strict catalogue to a filled database in which every filled table counts as large."""
    apply(master, PASSWORDS, [shop(Item, Loose)])
    database.query("INSERT INTO shop.items VALUES ('pen', 'old')")
    strict = shop(Item, Strict)
    monkeypatch.setitem(DATASETS, "shop", strict)

    def deploy(rows: str = "(1, 'pen', 2)", **models: Any) -> dict[str, Any]:
        if rows:
            database.query(f"INSERT INTO shop.orders VALUES {rows}")
        return apply(master, PASSWORDS, [models.get("dataset", strict)], large_rows=1)

    return deploy


def findings(master: Connection) -> list[str]:
    return sorted(f"{f['code']} {f['detail']}" for f in examine(master) if f["object"].startswith("shop"))


def states(database: Database) -> list[str]:
    """Run all steps of the upkeep, each with a separate connection; return their states."""
    steps: list[str] = []
    while not steps or steps[-1] == "again":
        db = database.connect("master")
        steps.append(work(db))
        db.close()
    return steps


EVERYTHING = [
    "index shop.orders.orders_item_idx",
    "validate shop.orders.orders_amount_check",
    "validate shop.orders.orders_item_fkey",
    "validate shop.orders.orders_item_not_null",
]


def test_deployment_queues_validation_and_indexes_and_the_doctor_reports_them(
    database: Database, master: Connection, large: Callable[..., dict[str, Any]]
) -> None:
    assert large()["later"] == EVERYTHING
    found = findings(master)
    assert len(found) == len(EVERYTHING)
    assert all(text.startswith("pending_change ") and "not started" in text for text in found)
    assert states(database) == ["again"] * len(EVERYTHING) + ["done"]
    assert findings(master) == []
    assert database.query("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == [(0,)]
    assert large("") == {"changes": []}


def test_deployment_does_not_wait_for_the_upkeep_or_for_runs(
    database: Database, master: Connection, large: Callable[..., dict[str, Any]]
) -> None:
    large()
    busy = database.connect("master")
    with busy.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relowner::regrole::text = ANY(%s)",
            (list(OWNERS),),
        )
        tables = [name for (name,) in cursor.fetchall()]
        assert {"shop.orders", "dataforge.migration_chunks"} <= set(tables)
        # The lock of VALIDATE CONSTRAINT, CREATE INDEX CONCURRENTLY and VACUUM; a worker's lock is weaker.
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE UPDATE EXCLUSIVE MODE")
    assert large("") == {"changes": [], "later": EVERYTHING}
    busy.close()


def test_error_about_a_locked_table_names_it(database: Database, master: Connection) -> None:
    busy = database.connect("master")
    with busy.cursor() as cursor:
        cursor.execute("SET ROLE dataforge_owner")
        cursor.execute("LOCK TABLE olist.orders IN ACCESS EXCLUSIVE MODE")
    with master.cursor() as cursor:
        cursor.execute("SET ROLE dataforge_owner")
        cursor.execute("SET lock_timeout = '50ms'")
        with pytest.raises(Busy, match=r"^olist\.orders: the table is in use"):
            Size.of(cursor, Sql('"olist"."orders"'))
    busy.close()


def test_new_rows_are_checked_before_old_ones_are(
    database: Database, large: Callable[..., dict[str, Any]]
) -> None:
    large()
    for row in ("(2, 'none', 1)", "(2, 'pen', -1)", "(2, NULL, 1)"):
        with pytest.raises(Exception, match="violates"):
            database.query(f"INSERT INTO shop.orders VALUES {row}")


def test_rows_that_violate_a_queued_constraint_are_reported_and_repair_retries(
    database: Database, master: Connection, large: Callable[..., dict[str, Any]]
) -> None:
    large("(1, 'pen', -2)")
    with pytest.raises(SchemaRefused, match=r"shop\.orders: orders_amount_check: .* is violated by some row"):
        states(database)
    assert [text for text in findings(master) if text.startswith("failed_change")]
    database.query("UPDATE shop.orders SET amount = 2")
    assert large("")["later"] == ["validate shop.orders.orders_amount_check"]
    assert states(database) == ["again", "done"]
    assert findings(master) == []


def test_index_of_an_interrupted_build_is_rebuilt(
    database: Database, master: Connection, large: Callable[..., dict[str, Any]]
) -> None:
    large()
    database.query("CREATE INDEX orders_item_idx ON shop.orders (item)")
    database.query(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.orders_item_idx'::regclass"
    )
    assert states(database)[-1] == "done"
    assert findings(master) == []


def test_step_waits_while_the_statement_of_an_earlier_one_runs(
    database: Database, large: Callable[..., dict[str, Any]]
) -> None:
    large()
    earlier = database.connect("master")
    with earlier.cursor() as cursor:
        # The lock of VALIDATE CONSTRAINT and CREATE INDEX CONCURRENTLY.
        cursor.execute("LOCK TABLE shop.orders IN SHARE UPDATE EXCLUSIVE MODE")
    assert states(database) == ["wait"]
    earlier.close()
    database.until("SELECT WHERE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'shop.orders'::regclass)")
    assert states(database)[-1] == "done"


@pytest.mark.slow
def test_not_null_is_set_later_if_a_reader_holds_the_table(
    database: Database, large: Callable[..., dict[str, Any]]
) -> None:
    large()
    reader = database.connect("master")
    with reader.cursor() as cursor:
        cursor.execute("TABLE shop.orders")
    assert states(database)[-1] == "wait"
    reader.close()
    database.until("SELECT WHERE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'shop.orders'::regclass)")
    assert states(database)[-1] == "done"


def test_changed_key_of_a_large_table_is_refused_with_a_hint(
    shop: Shop, large: Callable[..., dict[str, Any]]
) -> None:
    with pytest.raises(SchemaRefused, match=r"shop\.orders: its key changes; .* declare the old key again"):
        large(dataset=shop(Item, OtherKey))


def test_wider_type_of_a_large_table_is_changed_if_no_row_is_rewritten(
    database: Database, master: Connection, shop: Shop
) -> None:
    apply(master, PASSWORDS, [shop(Price)])
    database.query("INSERT INTO shop.prices VALUES (1, 1.5)")
    node = "SELECT pg_relation_filenode('shop.prices')"
    before = database.query(node)
    answer = apply(master, PASSWORDS, [shop(WiderPrice)], large_rows=1)
    assert "changed the type of shop.prices.price to numeric(12,2)" in answer["changes"]
    assert answer["later"] == ["validate shop.prices.prices_price_check"]
    assert database.query(node) == before
    with pytest.raises(SchemaRefused, match=r"shop\.prices\.price is numeric\(12,2\), .* rewrite \d+ rows"):
        apply(master, PASSWORDS, [shop(FinerPrice)], large_rows=1)
    apply(master, PASSWORDS, [shop(FinerPrice)])
    assert database.query("SELECT price::text FROM shop.prices") == [("1.5000",)]


def test_size_is_estimated_from_pages_without_statistics(database: Database, master: Connection) -> None:
    database.query("CREATE TABLE public.many AS SELECT generate_series(1, 3000) AS n")
    database.query("GRANT SELECT ON public.many TO master")
    with master.cursor() as cursor:
        assert not Size.of(cursor, Sql("public.many")).large
        assert Size.of(cursor, Sql("public.many"), 1_000).large
    assert LARGE_ROWS == 1_000_000
