"""Several files of one table: rows are loaded in file order, and each file has its counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dataforge.runs.results.migration import COUNTS
from functions.migrate.report.files import files_of
from functions.migrate.resolve import rejected_rows
from functions.migrate.run.migration import read_run

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
STEM = "olist/olist_customers_dataset"
KEYS = (f"{STEM}.csv", f"{STEM}/x.csv", f"{STEM}_10.csv", f"{STEM}_2.csv")
"""In file order."""


def put(forge: Forge, make_csv: MakeCsv, *rows: list[tuple[int, str]]) -> None:
    """Customers (number, city), a list for each of ``KEYS``; the last is uploaded first."""
    for key, some in reversed(list(zip(KEYS, rows, strict=False))):
        body = make_csv("customers", *({"customer_id": n, "customer_city": city} for n, city in some))
        forge.s3.put_object(Bucket="raw", Key=key, Body=body)


def cities(forge: Forge) -> list[tuple[int, str]]:
    rows = forge.database.query("SELECT customer_id, customer_city FROM olist.customers ORDER BY 1")
    return [(int(key, 16), city) for key, city in rows]


ROWS = [[(1, "a"), (2, "b")], [(3, "c"), (1, "x")], [(2, "b"), (4, "d")], [(3, "y"), (5, "e"), (5, "e")]]


@pytest.mark.parametrize("chunk_bytes", [64, 1 << 20])
@pytest.mark.parametrize("again", [False, True])
def test_files_of_table_are_read_in_order_of_keys(
    forge: Forge, make_csv: MakeCsv, chunk_bytes: int, again: bool
) -> None:
    put(forge, make_csv, *ROWS)
    if again:
        forge.database.query(
            "INSERT INTO olist.customers VALUES (repeat('f', 32), repeat('f', 32), '01037', 'f', 'SP')"
        )
    counts = forge.migrate(chunk_bytes, tables=["customers"], quality_threshold=0)["customers"]
    assert [counts[n] for n in ("read", "loaded", "deduplicated", "rejected")] == [9, 5, 2, 2]
    assert [one for one in cities(forge) if one[1] != "f"] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
        (4, "d"),
        (5, "e"),
    ]
    assert forge.rejections("file", "line", "codes") == [
        (KEYS[1], 3, "conflict"),
        (KEYS[3], 2, "conflict"),
    ]


def figures(forge: Forge, run_id: str) -> list[tuple[str, list[int]]]:
    """Read, loaded, unchanged, deduplicated and rejected customers of each file."""
    with forge.database.superuser().cursor() as cursor:
        files = files_of(cursor, read_run(cursor, run_id))
    return [(file.key, [getattr(file.tables[0], name) for name in COUNTS]) for file in files]


@pytest.mark.parametrize("meanwhile", [False, True])
def test_report_has_counts_of_each_file(forge: Forge, make_csv: MakeCsv, meanwhile: bool) -> None:
    put(forge, make_csv, *ROWS)
    run = forge.migration({"tables": ["customers"], "quality_threshold": 0})
    insert = f"INSERT INTO olist.customers VALUES ('{4:032x}', '{1:032x}', '01037', 'd', 'SP')"
    run.run(**({"publish": lambda: forge.database.query(insert)} if meanwhile else {}))
    assert figures(forge, run.id) == [
        (KEYS[0], [2, 2, 0, 0, 0]),
        (KEYS[1], [2, 1, 0, 0, 1]),
        (KEYS[2], [2, 0, 1, 1, 0] if meanwhile else [2, 1, 0, 1, 0]),
        (KEYS[3], [3, 1, 0, 1, 1]),
    ]


def test_rejected_rows_are_fetched_in_batches(
    forge: Forge, make_csv: MakeCsv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejected_rows, "BATCH", 3)
    orders = [{"order_id": n, "customer_id": 9} for n in range(1, 11)]
    forge.put(orders=make_csv("orders", *orders))
    counts = forge.migrate(chunk_bytes=300, tables=["orders"], quality_threshold=0)["orders"]
    assert (counts["read"], counts["rejected"]) == (10, 10)
    assert [line for line, _ in sorted(forge.rejections("line", "codes"))] == list(range(2, 12))


@pytest.mark.parametrize("most", [0, 1000])
def test_deleted_rows_are_found_by_a_join_or_an_array_of_their_identifiers(
    forge: Forge, make_csv: MakeCsv, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(rejected_rows, "MOST_IN_ARRAY", most)
    customers = [{"customer_id": n, "customer_city": city} for n in (1, 2) for city in "aba"]
    places = [{"geolocation_city": city} for city in "aabbb"]
    orders = [{"order_id": n, "customer_id": n} for n in (1, 8, 9)]
    forge.put(
        customers=make_csv("customers", *customers),
        geolocations=make_csv("geolocations", *places),
        orders=make_csv("orders", *orders),
    )
    found = forge.migrate(tables=["customers", "geolocations", "orders"], quality_threshold=0)
    figures = ("loaded", "deduplicated", "rejected")
    assert {table: [counts[name] for name in figures] for table, counts in found.items()} == {
        "customers": [2, 2, 2],
        "geolocations": [2, 3, 0],
        "orders": [1, 0, 2],
    }
