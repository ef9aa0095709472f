"""Several files of one table: one table's rows in file order, every file with figures of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
STEM = "olist/olist_customers_dataset"
KEYS = (f"{STEM}.csv", f"{STEM}/2018/x.csv", f"{STEM}_10.csv", f"{STEM}_2.csv")
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
def test_files_are_one_table_in_the_order_of_their_keys(
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
