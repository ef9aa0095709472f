"""Parquet files as sources: alone, with CSV files, and flat; the result equals that of the CSV."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from dataforge.errors import DamagedFile, MissingColumn, UnsupportedColumnType

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")
TABLES = ["customers", "orders"]


@pytest.fixture
def files(make_csv: MakeCsv) -> dict[str, bytes]:
    """Customers with a duplicate, a conflict and an invalid row; one of three orders is an orphan."""
    rows: list[dict[str, Any]] = [{"customer_id": n} for n in (1, 2, 3, 1)]
    rows += [{"customer_id": 2, "customer_city": "x"}, {"customer_id": "bad"}, {"customer_id": 4}]
    orders = [{"order_id": n, "customer_id": n} for n in (1, 2, 9)]
    return {"customers": make_csv("customers", *rows), "orders": make_csv("orders", *orders)}


def parquet(csv: bytes, rows: int = 2) -> bytes:
    """The CSV's values, all as text, in row groups of ``group`` rows."""
    names = csv.split(b"\n", 1)[0].decode().split(",")
    table = pacsv.read_csv(
        io.BytesIO(csv),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
        ),
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=rows)
    return buffer.getvalue()


def put(forge: Forge, name: str, body: bytes) -> None:
    forge.s3.put_object(Bucket="raw", Key=f"olist/{name}", Body=body)


def counts(found: dict[str, dict[str, int]]) -> dict[str, list[int]]:
    return {table: [one[name] for name in COUNTS] for table, one in found.items()}


def test_parquet_and_csv_give_same_result_and_rejections_have_row_numbers(
    forge: Forge, another_forge: Callable[[], Forge], files: dict[str, bytes]
) -> None:
    forge.put(**files)
    document: dict[str, Any] = {"tables": TABLES, "quality_threshold": 0}
    wanted = counts(forge.migrate(**document))
    other = another_forge()
    for table, body in files.items():
        key = f"olist/olist_{table}_dataset"
        other.s3.delete_object(Bucket="raw", Key=f"{key}.csv")
        other.s3.put_object(Bucket="raw", Key=f"{key}.parquet", Body=parquet(body))
    run = other.migration(document, chunk_bytes=64)
    run.run()
    assert sorted(item["start"] for item in run.items["load"]) == [0, 0, 2, 2, 4, 6]
    assert counts({t.pop("table"): t for t in run.report()["tables"]}) == wanted
    for table in TABLES:
        assert other.rows(table) == forge.rows(table)
        # A record of the CSVs here is one line.
        assert other.rejections("table", "line", "codes") == forge.rejections("table", "line", "codes")
    for line, offset, raw in other.rejections("line", "offset", "raw"):
        assert offset == line - 2
        assert json.loads(raw)
    assert other.rejections("line", "raw")[-1][1].count('"customer_id": "bad"') == 1
    assert counts(other.migrate(**document))["customers"] == [7, 0, 4, 1, 2]


def test_csv_and_parquet_files_of_table_are_read_in_order_of_names(forge: Forge, make_csv: MakeCsv) -> None:
    def city(name: str) -> bytes:
        return make_csv("customers", {"customer_id": 1, "customer_city": name})

    put(forge, "olist_customers_dataset_1.parquet", parquet(city("first")))
    put(forge, "olist_customers_dataset_2.csv", city("second"))
    put(forge, "olist_customers_dataset/3.parquet", parquet(make_csv("customers", {"customer_id": 3})))
    found = counts(forge.migrate(tables=["customers"], quality_threshold=0))
    assert found == {"customers": [3, 2, 0, 0, 1]}
    [(city_of_1,)] = forge.database.query(
        "SELECT customer_city FROM olist.customers ORDER BY customer_id LIMIT 1"
    )
    # In key order, the folder is before _1.
    assert city_of_1 == "first"
    assert [file for (file,) in forge.rejections("file")] == ["olist/olist_customers_dataset_2.csv"]


def test_flat_parquet_file_is_split_into_tables_and_replayed(forge: Forge) -> None:
    body = b"author,text,tags\nAnn,Words.,a;b\nBob,,c\n"
    forge.s3.put_object(Bucket="raw", Key="quotes/quotes.parquet", Body=parquet(body))
    run = forge.migration({"dataset": "quotes", "quality_threshold": 0})
    found = {t["table"]: t["loaded"] for t in run.run()["tables"]}
    assert found == {"authors": 1, "quotes": 1, "tags": 2, "quote_tags": 2}
    assert forge.rejections("table", "line", "codes") == [("quotes", 3, "missing")]
    [(number, raw)] = forge.database.query("SELECT id, raw FROM dataforge.rejections")
    line = json.dumps({"id": number, "raw": raw | {"text": "More words."}})
    forge.s3.put_object(Bucket="raw", Key="replays/1.jsonl", Body=line.encode())
    again = forge.migration({"replay": {"migration_id": run.id}, "prefix": "replays"}).run()
    assert [t["loaded"] for t in again["tables"]] == [1, 1, 1, 1]


def test_timestamps_of_any_year_are_stored_exactly_or_rejected(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", {"customer_id": 1}))
    names = make_csv("orders").split(b"\n", 1)[0].decode().split(",")
    table = pq.read_table(
        io.BytesIO(parquet(make_csv("orders", *({"order_id": n, "customer_id": 1} for n in (1, 2, 3)))))
    )
    moments = pa.array([253_402_300_799_000_000, -62_135_596_800_000_000, 253_402_300_800_000_000])
    for name in ("order_purchase_timestamp", "order_approved_at"):
        table = table.set_column(names.index(name), name, moments.cast(pa.timestamp("us")))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, use_deprecated_int96_timestamps=True)
    put(forge, "olist_orders_dataset.parquet", buffer.getvalue())
    assert counts(forge.migrate(tables=TABLES, quality_threshold=0))["orders"] == [3, 2, 0, 0, 1]
    stored = forge.database.query("SELECT order_purchase_timestamp::text FROM olist.orders ORDER BY order_id")
    assert stored == [("9999-12-31 23:59:59",), ("0001-01-01 00:00:00",)]
    assert forge.rejections("line", "codes") == [(4, "datetime_parsing datetime_parsing")]


def test_unreadable_file_is_refused(used_forge: Forge, files: dict[str, bytes]) -> None:
    whole = pq.read_table(io.BytesIO(parquet(files["customers"])))
    moments = pa.array([[0]] * whole.num_rows).cast(pa.list_(pa.timestamp("us")))
    nested = whole.set_column(4, "customer_state", moments)
    for table, error, words in (
        (nested, UnsupportedColumnType, r"customer_state \(list<"),
        (whole.drop_columns(["customer_city"]), MissingColumn, "customer_city"),
        (None, DamagedFile, "not a complete Parquet file"),
    ):
        buffer = io.BytesIO(b"no Parquet")
        if table is not None:
            pq.write_table(table, buffer, use_deprecated_int96_timestamps=True)
        put(used_forge, "olist_customers_dataset.parquet", buffer.getvalue())
        with pytest.raises(error, match=rf"olist/olist_customers_dataset\.parquet.*{words}"):
            used_forge.migrate(tables=["customers"])
