"""Changes to the tables during a run are neither lost nor overwritten."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import Busy, TargetRejectsRows

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
INSERT = "INSERT INTO olist.customers VALUES (%s, %s, '01037', %s, 'SP')"


def put_customers(forge: Forge, make_csv: MakeCsv, *cities: str) -> None:
    """Customers 1, 2, ... with these cities."""
    rows = [{"customer_id": n, "customer_city": city} for n, city in enumerate(cities, start=1)]
    forge.put(customers=make_csv("customers", *rows))


def cities(forge: Forge) -> list[tuple[Any, ...]]:
    return forge.database.query("SELECT right(customer_id, 1), customer_city FROM olist.customers ORDER BY 1")


def by_hand(forge: Forge, number: int, city: str) -> Callable[[], Any]:
    """Insert a customer into the table."""
    return lambda: forge.database.query(INSERT, f"{number:032x}", f"{1:032x}", city)


@pytest.mark.parametrize("step", ["scan", "settle", "reconcile", "publish"])
def test_rows_inserted_into_empty_table_during_run_win_over_files(
    forge: Forge, make_csv: MakeCsv, step: str
) -> None:
    put_customers(forge, make_csv, "a", "b", "c")

    def meanwhile() -> None:
        by_hand(forge, 1, "mine")()
        by_hand(forge, 2, "b")()
        by_hand(forge, 9, "new")()

    run = forge.migration({"tables": ["customers"], "quality_threshold": 0})
    [counts] = run.run(**{step: meanwhile})["tables"]
    # A row written by hand differs in customer_unique_id from none: both have the usual one.
    assert cities(forge) == [("1", "mine"), ("2", "b"), ("3", "c"), ("9", "new")]
    assert [counts[n] for n in ("read", "loaded", "unchanged", "deduplicated", "rejected")] == [3, 1, 1, 0, 1]
    assert forge.rejections("line", "codes") == [(2, "conflict")]


def test_rows_inserted_into_filled_table_during_run_win_over_files(forge: Forge, make_csv: MakeCsv) -> None:
    put_customers(forge, make_csv, "a")
    forge.migrate(tables=["customers"])
    put_customers(forge, make_csv, "a", "b", "c")
    run = forge.migration({"tables": ["customers"], "quality_threshold": 0})
    [counts] = run.run(publish=by_hand(forge, 2, "mine"))["tables"]
    assert cities(forge) == [("1", "a"), ("2", "mine"), ("3", "c")]
    assert [counts[n] for n in ("read", "loaded", "unchanged", "deduplicated", "rejected")] == [3, 1, 1, 0, 1]


def test_row_deleted_during_run_is_loaded_again(forge: Forge, make_csv: MakeCsv) -> None:
    put_customers(forge, make_csv, "a", "b")
    forge.migrate(tables=["customers"])
    run = forge.migration({"tables": ["customers"]})
    [counts] = run.run(
        publish=lambda: forge.database.query("DELETE FROM olist.customers WHERE customer_city = 'a'")
    )["tables"]
    assert cities(forge) == [("1", "a"), ("2", "b")]
    assert (counts["loaded"], counts["unchanged"]) == (1, 1)


def test_children_of_parent_deleted_during_run_are_rejected(forge: Forge, make_csv: MakeCsv) -> None:
    put_customers(forge, make_csv, "a", "b")
    forge.migrate(tables=["customers"])
    forge.put(orders=make_csv("orders", *({"order_id": n, "customer_id": n} for n in (1, 2))))
    forge.database.query(
        "INSERT INTO olist.orders SELECT repeat('f', 32), customer_id, 'created', now(), NULL, NULL, NULL,"
        " now() FROM olist.customers WHERE customer_city = 'b'"
    )
    run = forge.migration({"tables": ["orders"], "quality_threshold": 0})
    [counts] = run.run(
        publish=lambda: forge.database.query("DELETE FROM olist.customers WHERE customer_city = 'a'")
    )["tables"]
    assert (counts["loaded"], counts["rejected"]) == (1, 1)
    assert forge.rejections("line", "codes") == [(2, "foreign_key")]


def test_batch_with_same_rows_does_not_deadlock_with_publication(forge: Forge, make_csv: MakeCsv) -> None:
    product, category = (
        "INSERT INTO olist.products VALUES (%s)",
        "INSERT INTO olist.category_translations VALUES (%s, 'b')",
    )
    forge.database.query(product, f"{9:032x}")
    forge.put(products=make_csv("products", {"product_id": 1}))
    forge.put(category_translations=b"product_category_name,product_category_name_english\na,b\n")
    run = forge.migration({"tables": ["category_translations", "products"]}).until("publish")
    batch = forge.database.superuser()
    batch.autocommit = False
    with batch.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute(product, (f"{1:032x}",))
        published = pool.submit(run.take, "publish")
        waiting = (
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while not forge.database.query(waiting):
            assert not published.done()
        # Batches take parents first, and a category's translation last.
        cursor.execute(category, ("a",))
        batch.commit()
        assert published.result(timeout=30) == {"status": "published"}
    assert len(forge.rows("products")) == 2
    assert forge.rows("category_translations") == ["(a,b)"]


@pytest.mark.slow
def test_publication_times_out_behind_long_reader_and_succeeds_when_repeated(
    forge: Forge, make_csv: MakeCsv
) -> None:
    put_customers(forge, make_csv, "a")
    run = forge.migration({"tables": ["customers"]}).until("publish")
    reader = forge.database.superuser()
    reader.autocommit = False
    reader.cursor().execute("SELECT * FROM olist.customers")
    with pytest.raises(Busy):
        run.publish()
    reader.rollback()
    assert run.publish() == run.publish() == {"status": "published"}
    assert cities(forge) == [("1", "a")]


CITY_TO = "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {} END'"
TRIGGER = "; CREATE TRIGGER mine BEFORE INSERT ON olist.customers FOR EACH ROW EXECUTE FUNCTION public.f()"
RULES = {
    "CREATE UNIQUE INDEX mine ON olist.customers (customer_city)": 'unique constraint "mine"',
    "ALTER TABLE olist.customers ADD CONSTRAINT mine CHECK (customer_city <> 'a')": 'check constraint "mine"',
    "ALTER TABLE olist.products ALTER product_weight_g SET NOT NULL": "product_weight_g",
    "CREATE TABLE public.cities (name text PRIMARY KEY);"
    "ALTER TABLE olist.customers ADD CONSTRAINT mine FOREIGN KEY (customer_city) REFERENCES public.cities": '"mine"',
    CITY_TO.format("NEW.customer_city := 1; RETURN NEW;") + TRIGGER: "2 of 2 rows were changed or rejected",
    CITY_TO.format("RETURN NULL;") + TRIGGER: "2 of 2 rows were changed or rejected",
    CITY_TO.format("RAISE EXCEPTION ''not here'';") + TRIGGER: "f() refuses a row",
    CITY_TO.format("RAISE EXCEPTION ''not here'' USING ERRCODE = ''40001'';") + TRIGGER: "f() refuses a row",
    CITY_TO.format("RAISE EXCEPTION ''not here'' USING ERRCODE = ''57P01'';") + TRIGGER: "f() refuses a row",
    CITY_TO.format("RAISE EXCEPTION ''not here'';")
    + TRIGGER.replace("CREATE TRIGGER mine BEFORE", "CREATE CONSTRAINT TRIGGER mine AFTER").replace(
        "FOR EACH", "DEFERRABLE INITIALLY DEFERRED FOR EACH"
    ): "f() refuses a row",
}


@pytest.mark.parametrize("rule", RULES)
def test_run_fails_naming_owner_rule_that_keeps_rows_out(forge: Forge, make_csv: MakeCsv, rule: str) -> None:
    forge.database.query(rule)
    put_customers(forge, make_csv, "a", "a")
    forge.put(products=make_csv("products", {}))
    run = forge.migration({"tables": ["customers", "products"]})
    with pytest.raises(TargetRejectsRows) as raised:
        run.run()
    assert RULES[rule] in str(raised.value)
    assert str(raised.value).startswith(("olist.", '"olist".', "the function"))
    assert run.failure == {"error": "TargetRefuses", "cause": str(raised.value)}
    assert cities(forge) == []
