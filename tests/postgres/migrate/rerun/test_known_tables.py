"""Tables whose files have the content of the last run, and that were not written since, are not loaded again."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataforge import Integer, Key, References, Row
from dataforge.errors import NoLongerKnown, WorkContinues
from functions.migrate.handler import fail
from functions.migrate.resolve.resolve import resolve
from functions.migrate.run.known.digest import OF_PAGES
from functions.migrate.scan.known import MOST_BYTES
from tests.postgres.bags import declare_bags

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
Declare = Callable[..., "Forge"]
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")
CUSTOMERS = range(1, 9)
REMOVED = "DELETE FROM olist.orders; DELETE FROM olist.customers WHERE right(customer_id, 1) = '1'"


@dataclass
class Shop:
    """Customers, sellers, and orders of customers; the customers have most of the bytes. Each was migrated."""

    forge: Forge
    make_csv: MakeCsv

    def put(self, city: str = "a", orders: Iterable[int] = range(1, 3), customer: int = 0) -> None:
        """Upload all files; the customers are in ranges, which are scanned. ``customer``: of all orders."""
        customers = [{"customer_id": n} for n in (*CUSTOMERS, 3)]
        ordered = [{"order_id": n, "customer_id": customer or n} for n in orders]
        self.forge.put(
            customers=self.make_csv("customers", *customers),
            sellers=self.make_csv("sellers", {"seller_id": 1, "seller_city": city}),
            orders=self.make_csv("orders", *ordered),
        )

    def migration(self, **document: Any) -> Migration:
        tables = {"tables": ["customers", "sellers", "orders"], "quality_threshold": 0}
        return knowing(self.forge.migration(tables | document, chunk_bytes=256))

    def run(self, **document: Any) -> tuple[list[str], dict[str, tuple[int, ...]]]:
        """The known tables of a run, and the counts by table."""
        return known(self.migration(**document))


def knowing(run: Migration) -> Migration:
    run.may_know = True
    return run


def known(run: Migration, **before: Callable[[], Any]) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    output = run.run(**before)
    counts = {table["table"]: tuple(table[name] for name in COUNTS) for table in output["tables"]}
    return list(output["known_tables"]), counts


@pytest.fixture
def shop(forge: Forge, make_csv: MakeCsv) -> Shop:
    shop = Shop(forge, make_csv)
    shop.put()
    shop.run()
    return shop


UNCHANGED = {"customers": (9, 0, 8, 1, 0), "sellers": (1, 0, 1, 0, 0), "orders": (2, 0, 2, 0, 0)}
ALL = list(UNCHANGED)


def test_files_that_are_uploaded_again_are_known_by_their_content(shop: Shop) -> None:
    shop.put()
    run = shop.migration().until("load")
    # A Distributed Map may refuse an empty list: one item, whose chunk counts as loaded.
    assert len(run.items["load"]) == 1
    progress = shop.forge.s3.list_objects_v2(Bucket="report", Prefix=run.items["load"][0]["progress"])
    assert {item["Key"].split("/")[-2] for item in progress["Contents"]} >= set(ALL)
    for step in ("load", "settle", "reconcile", "publish"):
        run.take(step)
    assert run.take("report")["known_tables"] == ALL
    shop.put()
    assert shop.run(on_conflict="update") == (ALL, UNCHANGED)


def test_table_whose_file_changed_is_loaded_alone(shop: Shop) -> None:
    shop.put(city="b")
    assert shop.run() == (["customers", "orders"], UNCHANGED | {"sellers": (1, 0, 0, 0, 1)})
    # The run rejected a record of sellers.
    assert shop.run(on_conflict="update") == (
        ["customers", "orders"],
        UNCHANGED | {"sellers": (1, 1, 0, 0, 0)},
    )
    # Its rows are too young to be recorded by the transaction that wrote them.
    assert shop.run() == (["customers", "orders"], UNCHANGED)
    assert shop.run() == (ALL, UNCHANGED)
    assert shop.forge.database.query("SELECT seller_city FROM olist.sellers") == [("b",)]


def test_children_find_their_parents_in_a_known_table(shop: Shop) -> None:
    shop.put(orders=range(1, 5))
    assert shop.run() == (["customers", "sellers"], UNCHANGED | {"orders": (4, 2, 2, 0, 0)})
    shop.put(orders=range(5, 10))
    assert shop.run() == (["customers", "sellers"], UNCHANGED | {"orders": (5, 4, 0, 0, 1)})


@pytest.mark.parametrize(
    ("step", "attended"),
    [
        ("settle", None),
        pytest.param("publish", None, marks=pytest.mark.slow),
        pytest.param("publish", 60, marks=pytest.mark.slow),
    ],
)
def test_known_table_that_is_written_meanwhile_is_loaded(
    shop: Shop, step: str, attended: float | None
) -> None:
    shop.put(orders=range(1, 5))
    run = shop.migration()
    run.attended_seconds = attended
    found = known(run, **{step: lambda: shop.forge.database.query(REMOVED)})
    assert found == (
        [],
        {"customers": (9, 1, 7, 1, 0), "sellers": UNCHANGED["sellers"], "orders": (4, 4, 0, 0, 0)},
    )
    assert len(shop.forge.rows("customers")) == len(CUSTOMERS)


@pytest.mark.parametrize("seconds", [None, 0])
def test_known_parent_that_is_written_before_orphans_are_found_is_loaded(
    shop: Shop, seconds: float | None
) -> None:
    shop.put(orders=(1, 2, 3, 3))
    run = shop.migration()
    run.attended_seconds = seconds
    found = known(run, settle=lambda: shop.forge.database.query(REMOVED))
    assert found == ([], {**UNCHANGED, "customers": (9, 1, 7, 1, 0), "orders": (4, 3, 0, 1, 0)})
    assert shop.forge.database.query("SELECT count(*) FROM dataforge.migration_work") == [(0,)]


def test_late_call_waits_until_the_rows_of_a_formerly_known_table_are_loaded(shop: Shop) -> None:
    shop.put(orders=(1, 2, 3, 3))
    run = knowing(shop.migration()).until("settle")
    shop.forge.database.query(REMOVED)

    def call(table: str) -> Any:
        return resolve(run.control, shop.forge.s3, run.settings, run.id, table)

    with pytest.raises(NoLongerKnown):
        call("orders")
    with pytest.raises(WorkContinues):
        call("customers")
    run.cut()
    run.load()
    assert call("customers")["rows"] == len(CUSTOMERS)


@pytest.mark.slow
def test_resumed_run_proves_again_that_its_known_tables_are_unwritten(shop: Shop) -> None:
    shop.put(orders=range(1, 5))
    run = shop.migration().until("settle")
    fail(run.control, shop.forge.s3, run.settings, run.execution, {"Error": "Unavailable", "Cause": "{}"})
    shop.forge.database.query(REMOVED)
    _, counts = known(knowing(shop.forge.migration({"resume": run.id})))
    assert counts["customers"] == (9, 1, 7, 1, 0)
    assert len(shop.forge.rows("customers")) == len(CUSTOMERS)


@pytest.mark.slow
def test_run_that_another_code_planned_is_not_recorded(shop: Shop) -> None:
    run = shop.migration().until("publish")
    shop.forge.database.query(
        "UPDATE dataforge.migrations SET digest = 'another' WHERE migration_id = %s", run.id
    )
    run.take("publish")
    assert shop.run() == ([], UNCHANGED)


@pytest.mark.parametrize("column", ["scan", "result"])
def test_run_of_which_a_worker_had_another_code_is_not_recorded(shop: Shop, column: str) -> None:
    run = shop.migration(on_conflict="update")
    shop.put(city="b")
    run.until("publish")
    shop.forge.database.query(
        f'UPDATE dataforge.migration_chunks SET {column} = {column} || \'{{"code": "another"}}\''
        f" WHERE migration_id = %s AND {column} IS NOT NULL AND NOT {column} ? 'known'",
        run.id,
    )
    run.take("publish")
    assert shop.run() == ([], UNCHANGED)


def test_libraries_of_pages_have_no_part_in_the_digest() -> None:
    lock = Path("layers/common/requirements-pages.lock").read_text()
    names = {re.sub("[-_.]+", "_", name).lower() for name in re.findall(r"(?m)^([\w.-]+)==", lock)}
    assert {f"{name}-" for name in names} == set(OF_PAGES)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "names"), [(8192, ALL), (MOST_BYTES, [])])
def test_tables_that_cannot_be_scanned_in_one_call_are_loaded(
    shop: Shop, size: int, names: list[str]
) -> None:
    shop.forge.database.query(
        "UPDATE dataforge.known_runs SET stored_by = pg_current_xact_id(),"
        " states = jsonb_set(states, '{customers,size}', %s)",
        str(size),
    )
    assert shop.run()[0] == names


@pytest.mark.slow
def test_crash_of_the_server_leads_to_the_comparison(shop: Shop) -> None:
    # Recovery truncates an unlogged table.
    shop.forge.database.query("TRUNCATE dataforge.known_runs")
    assert shop.run() == ([], UNCHANGED)


@pytest.mark.slow
def test_added_removed_renamed_and_changed_files_are_not_known(shop: Shop) -> None:
    others, s3 = ["customers", "orders"], shop.forge.s3
    rows = shop.make_csv("sellers", {"seller_id": 1, "seller_city": "a"})
    folder = "olist/olist_sellers_dataset"
    s3.put_object(Bucket="raw", Key=f"{folder}_2.csv", Body=rows)
    assert shop.run() == (others, UNCHANGED | {"sellers": (2, 0, 1, 1, 0)})
    assert shop.run()[0] == ALL
    s3.delete_object(Bucket="raw", Key=f"{folder}.csv")
    assert shop.run() == (others, UNCHANGED)
    s3.delete_object(Bucket="raw", Key=f"{folder}_2.csv")
    s3.put_object(Bucket="raw", Key=f"{folder}_3.csv", Body=rows)
    assert shop.run() == (others, UNCHANGED)
    assert shop.run()[0] == ALL
    s3.put_object(Bucket="raw", Key=f"{folder}_3.csv", Body=rows.replace(b",a,", b",b,"))
    assert shop.run() == (others, UNCHANGED | {"sellers": (1, 0, 0, 0, 1)})


WRITES = {
    "insert": "INSERT INTO olist.customers VALUES (md5('1'), md5('1'), '01037', 'mine', 'SP')",
    "update": "UPDATE olist.customers SET customer_city = customer_city",
    "truncate": "TRUNCATE olist.customers CASCADE",
    "disabled triggers": "SET session_replication_role = replica; DELETE FROM olist.customers",
}


@pytest.mark.slow
@pytest.mark.parametrize("write", WRITES)
def test_written_table_is_not_known(shop: Shop, write: str) -> None:
    shop.forge.database.query(WRITES[write])
    run = shop.migration().until("load")
    settled = 'SELECT "table" FROM dataforge.migration_tables WHERE settled IS NOT NULL AND migration_id = %s'
    assert ("customers",) not in shop.forge.database.query(settled, run.id)


@pytest.mark.slow
def test_less_than_half_of_the_bytes_is_not_known_if_the_tables_can_be_rebuilt(shop: Shop) -> None:
    shop.put(orders=range(1, 40))
    assert shop.run()[0] == []
    shop.forge.database.query("CREATE VIEW olist.seen AS SELECT FROM olist.orders")
    shop.put(orders=range(2, 42))
    assert shop.run()[0] == ["customers", "sellers"]
    shop.forge.database.query("DROP VIEW olist.seen")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["gz", "parquet", "jsonl"])
def test_files_of_other_formats_are_known(forge: Forge, make_csv: MakeCsv, ending: str) -> None:
    for time in (1, 2, 3):
        forge.s3.put_object(
            Bucket="raw",
            Key=f"olist/olist_customers_dataset.{'csv.gz' if ending == 'gz' else ending}",
            Body=_written(make_csv("customers", {"customer_id": 1}, {"customer_id": 2}), ending, time),
        )
        names, _ = known(knowing(forge.migration({"tables": ["customers"]})))
    assert names == ["customers"]


def _written(rows: bytes, ending: str, time: int) -> bytes:
    """The rows in a file of this kind, written at a time that gzip stores."""
    if ending == "gz":
        return gzip.compress(rows, mtime=time)
    head, *lines = [line.split(",") for line in rows.decode().splitlines()]
    if ending == "jsonl":
        return "\n".join(json.dumps(dict(zip(head, line, strict=True))) for line in lines).encode()
    buffer = io.BytesIO()
    columns = {name: pa.array(values) for name, *values in zip(head, *lines, strict=True)}
    pq.write_table(pa.table(columns), buffer, row_group_size=1)
    return buffer.getvalue()


@pytest.mark.slow
def test_tables_of_one_file_are_known_together(forge: Forge) -> None:
    header, rows = b"author,text,tags\n", b"Ada,One,a;b\nBob,Two,b\n"
    forge.put("quotes/", quotes=header + rows)
    run = {"dataset": "quotes", "quality_threshold": 0}
    knowing(forge.migration(run)).run()
    names, _ = known(knowing(forge.migration(run)))
    assert names == ["authors", "quotes", "tags", "quote_tags"]
    forge.database.query("UPDATE quotes.tags SET name = name")
    assert known(knowing(forge.migration(run)))[0] == []


class Staff(Row, table="staff", file="staff.csv"):
    staff_id: Annotated[Integer, Key()]
    store_id: Annotated[Integer, References("stores")]


class Store(Row, table="stores", file="stores.csv"):
    store_id: Annotated[Integer, Key()]
    manager: Annotated[Integer, References("staff")]


class Visit(Row, table="visits", file="visits.csv"):
    visit: Annotated[Integer, Key()]
    store_id: Annotated[Integer, References("stores", enforced=False)]


@pytest.mark.slow
def test_circle_is_known_as_a_whole_and_a_reference_that_is_not_enforced_never(declare: Declare) -> None:
    forge = declare("circle", Staff=Staff, Store=Store, Visit=Visit)
    files = {
        "staff": b"staff_id,store_id\n1,10\n",
        "stores": b"store_id,manager\n10,1\n",
        "visits": b"visit,store_id\n",
    }
    for name, body in files.items():
        forge.s3.put_object(Bucket="raw", Key=f"circle/{name}.csv", Body=body)
    assert [known(knowing(forge.migration({"dataset": "circle"})))[0] for _ in range(2)] == [
        [],
        ["staff", "stores"],
    ]
    forge.database.query("UPDATE circle.staff SET staff_id = staff_id")
    assert known(knowing(forge.migration({"dataset": "circle"})))[0] == []


@pytest.mark.slow
def test_multiset_is_known(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    declare_bags(forge.database, monkeypatch)
    forge.put("bags/", birds=b"bird\nowl\n", sightings=b"bird,number,seen,weight,note\nowl,1,,,\nowl,1,,,\n")
    run = {"dataset": "bags", "tables": ["birds", "sightings"]}
    known(knowing(forge.migration(run)))
    assert known(knowing(forge.migration(run))) == (
        ["birds", "sightings"],
        {"birds": (1, 0, 1, 0, 0), "sightings": (2, 0, 2, 0, 0)},
    )
