"""Many new rows: filled tables are rebuilt and swapped, and merged if that would lose or hide anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from functions.migrate.resolve.choose import LEAST_BYTES

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")


def put(forge: Forge, make_csv: MakeCsv, numbers: range, city: str = "a", **more: int) -> None:
    """Customers with these numbers, and an order of each."""
    customers = [{"customer_id": n, "customer_city": city} for n in numbers]
    orders = [{"order_id": n, "customer_id": n} for n in numbers]
    forge.put(customers=make_csv("customers", *customers), orders=make_csv("orders", *orders))


def migration(forge: Forge, **document: Any) -> Migration:
    run = forge.migration({"tables": ["customers", "orders"], "quality_threshold": 0, **document})
    run.rebuild_from = 0
    return run


def relations(forge: Forge) -> list[tuple[Any, ...]]:
    return forge.database.query("SELECT 'olist.customers'::regclass::oid, 'olist.orders'::regclass::oid")


def cities(forge: Forge) -> dict[str, str]:
    found = forge.database.query("SELECT right(customer_id, 2), customer_city FROM olist.customers")
    return dict(found)


def counts(result: dict[str, Any]) -> list[tuple[int, ...]]:
    return [tuple(table[name] for name in COUNTS) for table in result["tables"]]


@pytest.fixture
def filled(forge: Forge, make_csv: MakeCsv) -> Forge:
    """Two customers with orders are stored."""
    put(forge, make_csv, range(1, 3))
    migration(forge).run()
    return forge


def test_many_new_rows_rebuild_the_tables(filled: Forge, make_csv: MakeCsv) -> None:
    before = relations(filled)
    put(filled, make_csv, range(3, 9))
    result = migration(filled).run()
    assert counts(result) == [(6, 6, 0, 0, 0)] * 2
    assert len(filled.rows("customers")) == len(filled.rows("orders")) == 8
    assert relations(filled) != before
    assert filled.database.query("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == [(0,)]
    assert filled.database.query("SELECT count(*) FROM pg_namespace WHERE left(nspname, 6) = 'shadow'") == [
        (0,)
    ]
    # And rebuilt tables are unchanged for the next run.
    assert counts(migration(filled).run()) == [(6, 0, 6, 0, 0)] * 2


def test_few_bytes_of_new_rows_are_inserted(filled: Forge, make_csv: MakeCsv) -> None:
    before = relations(filled)
    put(filled, make_csv, range(3, 9))
    run = migration(filled)
    run.rebuild_from = LEAST_BYTES
    run.run()
    assert relations(filled) == before


@pytest.mark.parametrize("rule", ["reject", "update"])
@pytest.mark.parametrize("rebuild_from", [0, LEAST_BYTES])
def test_rebuilding_and_inserting_have_the_same_outcome(
    filled: Forge, make_csv: MakeCsv, rule: str, rebuild_from: int
) -> None:
    before = relations(filled)
    orphan = {"order_id": 30, "customer_id": 40}
    orders = [{"order_id": n, "customer_id": n} for n in (2, *range(3, 9))]
    customers = [{"customer_id": n, "customer_city": "a"} for n in (2, *range(3, 9), 3)]
    filled.put(
        customers=make_csv("customers", *customers, {"customer_id": 1, "customer_city": "b"}),
        orders=make_csv("orders", *orders, orphan),
    )
    run = migration(filled, on_conflict=rule)
    run.rebuild_from = rebuild_from
    result = run.run()
    updated = rule == "update"
    assert counts(result) == [(9, 6 + updated, 1, 1, 1 - updated), (8, 6, 1, 0, 1)]
    assert cities(filled) == {f"{n:02}": "a" for n in range(1, 9)} | {"01": "b" if updated else "a"}
    assert len(filled.rows("orders")) == 8
    assert (relations(filled) != before) == (rebuild_from == 0)


def test_row_of_the_file_that_is_stored_in_spite_of_the_sample_is_found(
    filled: Forge, make_csv: MakeCsv
) -> None:
    put(filled, make_csv, range(3, 9))
    run = migration(filled).until("settle")
    filled.database.query(
        "INSERT INTO olist.customers SELECT lpad('5', 32, '0'), customer_unique_id, '01037', 'mine', 'SP'"
        " FROM olist.customers LIMIT 1"
    )
    run.settle()
    run.reconcile()
    run.take("publish")
    assert counts(run.report())[0] == (6, 5, 0, 0, 1)
    assert cities(filled)["05"] == "mine"


WRITES = {
    "insert": "INSERT INTO olist.customers VALUES (lpad('77', 32, '0'), md5('1'), '01037', 'mine', 'SP')",
    "conflict": "INSERT INTO olist.customers VALUES (lpad('5', 32, '0'), md5('1'), '01037', 'mine', 'SP')",
    "update": "UPDATE olist.customers SET customer_city = 'mine' WHERE right(customer_id, 1) = '1'",
    "delete": "DELETE FROM olist.orders WHERE right(order_id, 1) = '1'",
}


@pytest.mark.slow
@pytest.mark.parametrize("step", ["reconcile", "publish"])
@pytest.mark.parametrize("write", WRITES)
def test_rows_written_since_the_tables_were_rebuilt_remain(
    filled: Forge, make_csv: MakeCsv, write: str, step: str
) -> None:
    before = relations(filled)
    put(filled, make_csv, range(3, 9))
    run = migration(filled)
    result = run.run(**{step: lambda: filled.database.query(WRITES[write])})
    assert relations(filled) == before
    expected = {f"{n:02}": "a" for n in range(1, 9)}
    changed = {"insert": {"77": "mine"}, "conflict": {"05": "mine"}, "update": {"01": "mine"}}
    assert cities(filled) == expected | changed.get(write, {})
    assert len(filled.rows("orders")) == 8 - (write == "delete")
    assert counts(result)[0] == ((6, 5, 0, 0, 1) if write == "conflict" else (6, 6, 0, 0, 0))


ADDITIONS = (
    "CREATE VIEW olist.seen AS SELECT * FROM olist.customers",
    "CREATE INDEX mine ON olist.customers (customer_city)",
    "CREATE TRIGGER mine BEFORE UPDATE ON olist.orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "GRANT SELECT ON olist.customers TO PUBLIC",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("addition", "step"),
    [
        *(
            (addition, "begin")
            for addition in (*ADDITIONS, "CREATE PUBLICATION mine FOR TABLES IN SCHEMA olist")
        ),
        *((addition, "publish") for addition in ADDITIONS),
    ],
)
def test_additions_of_the_owner_survive(filled: Forge, make_csv: MakeCsv, addition: str, step: str) -> None:
    before = relations(filled)
    put(filled, make_csv, range(3, 9))
    migration(filled).run(**{step: lambda: filled.database.query(addition)})
    assert relations(filled) == before
    assert len(filled.rows("customers")) == 8


def test_children_outside_the_run_prevent_rebuilding(filled: Forge, make_csv: MakeCsv) -> None:
    before = relations(filled)
    put(filled, make_csv, range(3, 9))
    run = filled.migration({"tables": ["customers"]})
    run.rebuild_from = 0
    run.run()
    assert relations(filled) == before
    assert len(filled.rows("customers")) == 8


def test_older_transaction_never_sees_the_tables_empty(filled: Forge, make_csv: MakeCsv) -> None:
    reader = filled.database.superuser()
    put(filled, make_csv, range(3, 9))
    count = "SELECT count(*) FROM olist.customers"
    with reader.cursor() as cursor:

        def begin() -> None:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            # A snapshot of another table: it holds no lock that the swap would wait for.
            cursor.execute("SELECT count(*) FROM olist.sellers")

        before = relations(filled)
        migration(filled).run(settle=begin)
        cursor.execute(count)
        assert cursor.fetchall() == [(2,)]
        cursor.execute("COMMIT")
    assert relations(filled) == before
    assert len(filled.rows("customers")) == 8


@pytest.mark.slow
def test_reader_that_does_not_end_lets_the_rows_be_merged(filled: Forge, make_csv: MakeCsv) -> None:
    reader = filled.database.superuser()
    put(filled, make_csv, range(3, 9))
    before = relations(filled)
    with reader.cursor() as cursor:

        def begin() -> None:
            cursor.execute("BEGIN; SELECT count(*) FROM olist.customers")

        migration(filled).run(publish=begin)
        cursor.execute("COMMIT")
    assert relations(filled) == before
    assert len(filled.rows("customers")) == 8


def test_step_that_is_repeated_after_another_table_could_not_be_rebuilt_counts_the_rows_of_the_run(
    filled: Forge, make_csv: MakeCsv
) -> None:
    put(filled, make_csv, range(3, 9))
    run = migration(filled).until("reconcile")
    filled.database.query("UPDATE dataforge.migrations SET rebuilds = false")
    run.settle()
    run.reconcile()
    run.take("publish")
    assert counts(run.report()) == [(6, 6, 0, 0, 0)] * 2
    assert len(filled.rows("customers")) == len(filled.rows("orders")) == 8
