"""A run of the files of the last one, into tables that were not written since, reports so without loading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")


@pytest.fixture
def versioned(forge: Forge, make_csv: MakeCsv) -> Iterator[Forge]:
    """Three customers and their orders were migrated from a bucket with versions; one of the records exists twice."""
    forge.s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
    put(forge, make_csv)
    migration(forge).run()
    yield forge
    forge.s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Suspended"})


def put(forge: Forge, make_csv: MakeCsv, *more: dict[str, Any]) -> None:
    customers = [{"customer_id": n} for n in (1, 2, 3, 3)]
    orders = [{"order_id": n, "customer_id": n} for n in (1, 2, 3)]
    forge.put(customers=make_csv("customers", *customers, *more), orders=make_csv("orders", *orders))


def migration(forge: Forge, **document: Any) -> Migration:
    run = forge.migration({"tables": ["customers", "orders"], "quality_threshold": 0, **document})
    run.may_know = True
    return run


def mode(forge: Forge, run: Migration) -> str:
    """How the run's rows became visible."""
    return str(forge.read_json(f"runs/{run.id}/report.json")["mode"])


def again(forge: Forge, **document: Any) -> tuple[str, list[tuple[int, ...]]]:
    """Run the migration again: how its rows became visible, and its counts."""
    run = migration(forge, **document)
    tables = run.run()["tables"]
    return mode(forge, run), [tuple(table[name] for name in COUNTS) for table in tables]


UNCHANGED = [(4, 0, 3, 1, 0), (3, 0, 3, 0, 0)]


def test_known_files_are_not_loaded_and_have_the_same_report(versioned: Forge) -> None:
    assert again(versioned) == ("known", UNCHANGED)
    versioned.database.query("DELETE FROM dataforge.known_runs")
    # Compared with the tables, as without a record of an earlier run. The comparison is a record, too.
    assert again(versioned) == ("merge", UNCHANGED)
    assert again(versioned) == ("known", UNCHANGED)
    assert again(versioned, on_conflict="update") == ("known", UNCHANGED)


@pytest.mark.slow
def test_hashes_and_files_of_a_known_run_are_those_of_the_comparison(versioned: Forge) -> None:
    reports = []
    for _ in range(2):
        run = migration(versioned)
        run.run()
        reports.append(versioned.read_json(f"runs/{run.id}/report.json"))
        versioned.database.query("DELETE FROM dataforge.known_runs")
    assert [report["mode"] for report in reports] == ["known", "merge"]
    first, second = ([table | {"seconds": None} for table in report["tables"]] for report in reports)
    assert first == second


def test_no_worker_loads_known_files(versioned: Forge) -> None:
    run = migration(versioned).until("load")
    assert run.items["scan"] == []
    loaded = "SELECT count(*) FROM dataforge.migration_chunks WHERE migration_id = %s AND result IS NULL"
    assert versioned.database.query(loaded, run.id) == [(0,)]


WRITES = {
    "insert": ["INSERT INTO olist.customers VALUES (md5('1'), md5('1'), '01037', 'mine', 'SP')"],
    "update": ["UPDATE olist.customers SET customer_city = customer_city"],
    "delete": ["DELETE FROM olist.orders WHERE right(order_id, 1) = '1'"],
    "truncate": ["TRUNCATE olist.orders CASCADE"],
    "disabled triggers": [
        "SET session_replication_role = replica",
        "DELETE FROM olist.customers WHERE right(customer_id, 1) = '1'",
        "INSERT INTO olist.customers VALUES (md5('1'), md5('1'), '01037', 'mine', 'SP')",
    ],
    "crash": [
        "BEGIN; TRUNCATE dataforge.known_runs; COMMIT",  # As recovery truncates an unlogged table.
    ],
    "copy of the database": [
        "CREATE TEMPORARY TABLE copied AS SELECT * FROM dataforge.known_runs",
        "TRUNCATE dataforge.known_runs",
        "INSERT INTO dataforge.known_runs SELECT * FROM copied",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("write", WRITES)
def test_every_write_since_the_earlier_run_leads_to_a_comparison(versioned: Forge, write: str) -> None:
    with versioned.database.superuser().cursor() as cursor:
        for statement in WRITES[write]:
            cursor.execute(statement)
    assert again(versioned)[0] == "merge"


def test_crash_of_the_server_empties_the_record(versioned: Forge) -> None:
    found = "SELECT relpersistence FROM pg_class WHERE oid = 'dataforge.known_runs'::regclass"
    assert versioned.database.query(found) == [("u",)]


@pytest.mark.slow
def test_another_file_is_loaded(versioned: Forge, make_csv: MakeCsv) -> None:
    versioned.s3.put_object(
        Bucket="raw",
        Key="olist/olist_customers_dataset_2.csv",
        Body=make_csv("customers", {"customer_id": 9}),
    )
    kind, [counts, _] = again(versioned)
    assert (kind, counts) == ("merge", (5, 1, 3, 1, 0))


@pytest.mark.slow
def test_other_tables_or_another_declaration_are_compared(
    versioned: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = migration(versioned, tables=["customers"])
    run.run()
    assert mode(versioned, run) == "merge"
    again(versioned)
    assert again(versioned)[0] == "known"
    dataset = DATASETS["olist"]
    monkeypatch.setitem(DATASETS, "olist", replace(dataset, sources=tuple(reversed(dataset.sources))))
    assert again(versioned)[0] == "merge"


@pytest.mark.slow
def test_inserted_rows_are_compared_once_before_they_are_known(versioned: Forge, make_csv: MakeCsv) -> None:
    put(versioned, make_csv, {"customer_id": 4})
    assert [again(versioned)[0] for _ in range(3)] == ["merge", "merge", "known"]


def test_rebuilt_tables_are_known(versioned: Forge, make_csv: MakeCsv) -> None:
    customers = make_csv("customers", *({"customer_id": n} for n in range(1, 30)))
    orders = make_csv("orders", *({"order_id": n, "customer_id": n} for n in range(1, 30)))
    versioned.put(customers=customers, orders=orders)
    run = migration(versioned)
    run.rebuild_from = 0
    run.run()
    assert mode(versioned, run) == "swap"
    assert again(versioned)[0] == "known"


def test_resumed_run_of_known_files_is_planned_again(versioned: Forge) -> None:
    run = migration(versioned).until("publish")
    versioned.database.query("UPDATE olist.customers SET customer_city = customer_city")
    run.plan()
    assert versioned.database.query(
        "SELECT mode FROM dataforge.migrations WHERE migration_id = %s", run.id
    ) == [("merge",)]
