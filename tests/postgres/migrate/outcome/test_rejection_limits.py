"""The database stores a bounded number of a run's rejections, and bounded text; counts, listing and replay are complete."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataforge import Integer, Key, Row, Text
from dataforge.errors import QualityTooLow, WrongCorrection
from dataforge.formats.dialect import Csv
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import INGEST
from dataforge.s3 import rejected_texts
from functions.ingest.listing import RejectionQuery, list_rejections
from functions.ingest.visible_rejections import EVERYTHING

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
TEXT = "SELECT coalesce(sum(octet_length(raw::text) + octet_length(errors::text)), 0)::int FROM dataforge.rejections"
ROWS = "SELECT count(*)::int FROM dataforge.rejections"


@pytest.fixture
def versioned(forge: Forge) -> Forge:
    """A raw bucket with versions, as it is deployed."""
    status: Any = {"Status": "Enabled"}
    forge.s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration=status)
    return forge


def limited(
    forge: Forge, document: dict[str, Any], rows: int = 10**6, text: int = 0, chunk_bytes: int = 1 << 20
) -> Migration:
    """A run with these limits: of rejections for each table, and of bytes of text."""
    run = forge.migration({"quality_threshold": 0} | document, chunk_bytes)
    limits = {"rejections_per_table": rows, "rejected_text_bytes": text}
    run.settings = run.settings.model_copy(update=limits)
    return run


def listed(forge: Forge, **query: str) -> list[dict[str, Any]]:
    """All pages of GET /v1/rejections."""

    def read(locations: Any) -> Any:
        return dict(rejected_texts.read(forge.s3, "report", locations))

    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {"next_cursor": None}
    while page["next_cursor"] or not found:
        more = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        with transaction(forge.connection(INGEST)) as cursor:
            asked = RejectionQuery.model_validate(query | more)
            page = json.loads(list_rejections(cursor, asked, EVERYTHING, read))
        found += page["data"]
        if not page["data"]:
            break
    return found


def lines(forge: Forge, run: Migration) -> list[dict[str, Any]]:
    """The lines of all rejection files of the run's report."""
    found = []
    for file in forge.read_json(f"runs/{run.id}/report.json")["rejection_files"]:
        key = file["uri"].removeprefix("s3://report/")
        rows = forge.s3.get_object(Bucket="report", Key=key)["Body"].read().splitlines()
        assert len(rows) == file["rows"]
        found += [json.loads(line) for line in rows]
    return found


def bad_customers(make_csv: MakeCsv, count: int) -> bytes:
    rows: list[dict[str, Any]] = [
        {"customer_id": n, "customer_state": "?" if n % 2 else "!", "customer_city": ""} for n in range(count)
    ]
    return make_csv("customers", *rows)


def test_rejections_beyond_the_limit_are_counted_and_only_in_the_report_bucket(
    forge: Forge, make_csv: MakeCsv
) -> None:
    body = gzip.compress(bad_customers(make_csv, 500))
    forge.s3.put_object(Bucket="raw", Key="olist/olist_customers_dataset.csv.gz", Body=body)
    run = limited(forge, {"tables": ["customers"]}, rows=100, text=1 << 20)
    [counts] = run.run()["tables"]
    assert (counts["read"], counts["rejected"], counts["loaded"]) == (500, 500, 0)
    assert forge.database.query(ROWS) == [(100,)]
    report = forge.read_json(f"runs/{run.id}/report.json")
    assert report["rejections_without_row"] == 400
    page = forge.s3.get_object(Bucket="report", Key=f"runs/{run.id}/report.html")["Body"].read().decode()
    assert "400 rows of them in files only" in " ".join(page.split())
    assert f"They expire from {report['rejections_expire']} on." in page
    [table] = report["tables"]
    reasons = {(reason["code"], reason["column"]): reason["rows"] for reason in table["rejections"]}
    assert reasons == {("missing", "customer_city"): 500, ("string_pattern_mismatch", "customer_state"): 500}
    [(rules,)] = forge.database.query("SELECT rules FROM dataforge.quality_facts")
    assert rules["customer_state"] == {"string_pattern_mismatch": 500}
    assert {(line["source"]["line"], line["id"] is None) for line in lines(forge, run)} == {
        (n, n > 101) for n in range(2, 502)
    }
    assert all(len(line["errors"]) == 2 and line["raw"] for line in lines(forge, run))


def test_limit_holds_for_all_workers_of_a_table_together(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=bad_customers(make_csv, 300))
    run = limited(forge, {"tables": ["customers"]}, rows=100, text=1 << 20, chunk_bytes=2_000)
    run.run()
    assert len(run.items["load"]) > 5
    assert forge.database.query(ROWS) == [(100,)]
    assert sorted(line["source"]["line"] for line in lines(forge, run)) == list(range(2, 302))


def test_orphans_and_conflicts_beyond_the_limit_are_counted(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", {"customer_id": 1}))
    orders: list[dict[str, Any]] = [{"order_id": n, "customer_id": 9} for n in range(30)]
    orders += [
        {"order_id": 50, "customer_id": 1, "order_status": s} for s in ("created", "shipped", "canceled")
    ]
    forge.put(orders=make_csv("orders", *orders))
    run = limited(forge, {"tables": ["customers", "orders"]}, rows=10)
    counts = {t["table"]: t for t in run.run()["tables"]}
    assert (counts["orders"]["rejected"], counts["orders"]["loaded"]) == (32, 1)
    report = forge.read_json(f"runs/{run.id}/report.json")
    reasons = {r["code"]: r["rows"] for t in report["tables"] for r in t["rejections"]}
    assert reasons == {"foreign_key": 30, "conflict": 2}
    assert forge.database.query(ROWS) == [(10,)]
    assert len(lines(forge, run)) == 32


def test_quality_error_counts_all_rejections(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=bad_customers(make_csv, 50))
    run = limited(forge, {"tables": ["customers"], "quality_threshold": 0.9}, rows=0)
    with pytest.raises(QualityTooLow) as error:
        run.run()
    assert "string_pattern_mismatch in column customer_state (50 rows)" in str(error.value)
    assert forge.database.query(ROWS) == [(0,)]


class Thing(Row, table="latin", file="latin.csv", format=Csv(delimiter=";", encoding="cp1252")):
    """A text in an encoding of one byte for each character."""

    number: Annotated[Integer, Key()]
    name: Text


class Wide(Row, table="wide", file="wide.csv", format=Csv(encoding="utf-16")):
    """A text that is read in one piece."""

    number: Annotated[Integer, Key()]
    name: Text


class Line(Row, table="lines", file="lines.jsonl"):
    """Lines of JSON."""

    number: Annotated[Integer, Key()]
    name: Text


class Packed(Row, table="packed", file="packed.csv"):
    """A compressed text."""

    number: Annotated[Integer, Key()]
    name: Text


class Column(Row, table="columns", file="columns.parquet"):
    """A file of columns."""

    number: Annotated[Integer, Key()]
    name: Text


class Plain(Row, table="plain", file="plain.csv"):
    """A text in UTF-8."""

    number: Annotated[Integer, Key()]
    name: Text


@pytest.fixture
def formats(declare: Callable[..., Forge], versioned: Forge) -> Forge:
    """A file in each format; every second record is rejected."""
    forge = declare("shop", Thing=Thing, Wide=Wide, Line=Line, Packed=Packed, Column=Column, Plain=Plain)
    names = ["Müller", 'a "b"', "zwei\nZeilen", "€", "x"]
    rows = [(f"{n}{'x' * (n % 2)}", names[n % 5]) for n in range(40)]
    quoted = [f'{number},"{name.replace(chr(34), chr(34) * 2)}"' for number, name in rows]
    text = "\n".join(["number,name", *quoted, ""])
    documents = [json.dumps({"number": number, "name": name}, ensure_ascii=False) for number, name in rows]
    sink = pa.BufferOutputStream()
    numbers, texts = zip(*rows, strict=True)
    pq.write_table(pa.table({"number": pa.array(numbers), "name": pa.array(texts)}), sink)
    bodies = {
        "latin.csv": text.replace(",", ";").encode("cp1252"),
        "wide.csv": text.encode("utf-16"),
        "lines.jsonl": "\n".join(documents).encode(),
        "packed.csv.gz": gzip.compress(text.encode()),
        "columns.parquet": sink.getvalue().to_pybytes(),
        "plain.csv": b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    }
    for name, body in bodies.items():
        forge.s3.put_object(Bucket="raw", Key=f"shop/{name}", Body=body)
    return forge


def known(items: list[dict[str, Any]]) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Record and errors of rejections, by table and line."""
    return {(i["table"], i["source"]["line"]): (i["raw"], i["errors"], i["source"]["offset"]) for i in items}


def test_rejections_of_every_format_are_the_same_beyond_the_budget(formats: Forge) -> None:
    limited(formats, {"dataset": "shop"}, text=1 << 30).run()
    expected = known(listed(formats))
    formats.database.query("DELETE FROM dataforge.rejections")
    run = limited(formats, {"dataset": "shop"}, chunk_bytes=300)
    run.run()
    assert formats.database.query("SELECT count(*)::int FROM dataforge.rejections WHERE raw <> 'null'") == [
        (0,)
    ]
    assert known(listed(formats, migration_id=run.id)) == expected
    assert known(lines(formats, run)) == expected
    assert len(expected) == 6 * 20
    in_source = "SELECT DISTINCT \"table\" FROM dataforge.rejections WHERE raw_at ? 'bucket' ORDER BY 1"
    assert formats.database.query(in_source) == [("latin",), ("lines",), ("plain",)]
    sources = [i["source"] for i in listed(formats, table="plain")]
    assert all(source["version"] and source["length"] for source in sources)


def test_text_of_a_dataset_stays_within_its_budget(versioned: Forge, make_csv: MakeCsv) -> None:
    versioned.put(customers=bad_customers(make_csv, 400))
    for _ in range(2):
        limited(versioned, {"tables": ["customers"]}, text=30_000, chunk_bytes=10_000).run()
    [(bytes_used,)] = versioned.database.query("SELECT bytes FROM dataforge.rejected_texts")
    [(whole,)] = versioned.database.query("SELECT sum(text_bytes)::int FROM dataforge.rejections")
    assert 20_000 < bytes_used == whole <= 30_000
    assert len(listed(versioned, limit="1000")) == 800


def test_file_whose_version_is_gone_is_named_by_listing_and_replay(
    versioned: Forge, make_csv: MakeCsv
) -> None:
    versioned.put(customers=bad_customers(make_csv, 3))
    run = limited(versioned, {"tables": ["customers"]})
    run.run()
    [(key, version)] = versioned.database.query(
        "SELECT DISTINCT raw_at->>'key', raw_at->>'version' FROM dataforge.rejections"
    )
    versioned.put(customers=make_csv("customers", {}))
    assert all(item["raw"] for item in listed(versioned))
    versioned.s3.delete_object(Bucket="raw", Key=key, VersionId=version)
    for item in listed(versioned):
        assert (item["raw"], item["cut"], item["source"]["version"]) == (None, True, version)
        assert item["errors"][0]["message"]
    output = limited(versioned, {"replay": {"migration_id": run.id}}).run()
    assert output["ignored_files"] == [key]
    assert sum(table["read"] for table in output["tables"]) == 0


def test_all_rejections_of_a_run_are_replayed(versioned: Forge, make_csv: MakeCsv) -> None:
    versioned.put(customers=make_csv("customers"))
    versioned.put(orders=make_csv("orders", *({"order_id": n, "customer_id": 9} for n in range(30))))
    run = limited(versioned, {"tables": ["customers", "orders"]}, rows=12, text=2_000)
    run.run()
    again = limited(versioned, {"replay": {"migration_id": run.id}}, rows=12)
    assert {t["table"]: t["rejected"] for t in again.run()["tables"]}["orders"] == 30
    assert versioned.database.query(
        "SELECT count(*)::int FROM dataforge.rejections WHERE replay_of IS NOT NULL"
    ) == [(12,)]
    versioned.database.query(
        f"INSERT INTO olist.customers VALUES ('{9:032x}', '{9:032x}', '01037', 'rio', 'RJ')"
    )
    for loaded, unchanged in ((30, 0), (0, 18)):
        output = limited(versioned, {"replay": {"migration_id": run.id, "code": "foreign_key"}}).run()
        orders = next(t for t in output["tables"] if t["table"] == "orders")
        assert (orders["loaded"], orders["unchanged"], orders["rejected"]) == (loaded, unchanged, 0)
    opened = "SELECT count(*)::int FROM dataforge.rejections WHERE migration_id = %s AND replayed_at IS NULL"
    assert versioned.database.query(opened, run.id) == [(0,)]


def test_saved_rejection_without_a_row_is_corrected(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=bad_customers(make_csv, 6))
    run = limited(forge, {"tables": ["customers"]}, rows=2, text=1 << 20)
    run.run()
    saved = [line for line in lines(forge, run) if line["id"] is None][:2]
    whole = make_csv("customers", {"customer_id": 7}).decode().splitlines()[1]
    corrected = [saved[0] | {"raw": whole}, saved[1]]

    def replayed(*documents: Any) -> list[int]:
        body = "\n".join(map(json.dumps, documents)).encode()
        forge.s3.put_object(Bucket="raw", Key="replays/1/rejected.jsonl", Body=body)
        document = {"replay": {"migration_id": run.id}, "prefix": "replays/1/"}
        [table] = limited(forge, document).run()["tables"]
        return [table[name] for name in ("read", "loaded", "rejected")]

    assert replayed(*corrected) == [2, 1, 1]
    elsewhere = saved[0]["source"] | {"offset": 1}
    for wrong in ([saved[0] | {"source": elsewhere}], [saved[0], saved[0]], [saved[0] | {"table": 7}]):
        with pytest.raises(WrongCorrection):
            replayed(*wrong)


def test_retry_of_a_work_item_does_not_replace_objects_of_the_first(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=bad_customers(make_csv, 5))
    run = limited(forge, {"tables": ["customers"]}, rows=0).until("load")
    forge.s3.put_object(Bucket="report", Key=f"rejections/{run.id}/customers/chunk-0-dead-1.jsonl", Body=b"x")
    run.load()
    listing = forge.s3.list_objects_v2(Bucket="report", Prefix=f"rejections/{run.id}/")["Contents"]
    assert len(listing) == 2
    for step in ("settle", "reconcile", "publish", "report"):
        run.take(step)
    assert len(lines(forge, run)) == 5


SIZE = "SELECT pg_total_relation_size('dataforge.rejections')"


def grown(forge: Forge, run: Migration) -> int:
    """Run the migration. Returns the bytes by which the rejections have grown, with their indexes."""
    [(before,)] = forge.database.query(SIZE)
    run.run()
    [(after,)] = forge.database.query(SIZE)
    return int(after) - int(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "text", "most"), [(1_000_000, 1 << 20, 500 << 20), (10_000, 1 << 20, 8 << 20)]
)
def test_compressed_file_of_kilobytes_with_a_million_rejections_fills_little(
    forge: Forge, make_csv: MakeCsv, rows: int, text: int, most: int
) -> None:
    body = gzip.compress(make_csv("customers") + b"x\n" * 1_000_000)
    assert len(body) < 9_000
    forge.s3.put_object(Bucket="raw", Key="olist/olist_customers_dataset.csv.gz", Body=body)
    run = limited(forge, {"tables": ["customers"]}, rows, text)
    growth = grown(forge, run)
    assert growth < most
    assert forge.database.query(ROWS) == [(rows,)]
    report = forge.read_json(f"runs/{run.id}/report.json")
    assert report["rejections_without_row"] == 1_000_000 - rows
    assert [reason["rows"] for reason in report["tables"][0]["rejections"]] == [1_000_000]
    assert sum(file["rows"] for file in report["rejection_files"]) == 1_000_000


@pytest.mark.slow
def test_parquet_file_with_two_million_rejections_fills_little(forge: Forge) -> None:
    names = (
        "customer_id",
        "customer_unique_id",
        "customer_zip_code_prefix",
        "customer_city",
        "customer_state",
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({name: pa.array(["x"] * 2_000_000) for name in names}), sink, compression="zstd")
    body = sink.getvalue().to_pybytes()
    assert len(body) < 1_600_000
    forge.s3.put_object(Bucket="raw", Key="olist/olist_customers_dataset.parquet", Body=body)
    run = limited(forge, {"tables": ["customers"]}, rows=1_000_000, text=1 << 20)
    growth = grown(forge, run)
    assert growth < 500 << 20
    assert forge.database.query(ROWS) == [(1_000_000,)]
    report = forge.read_json(f"runs/{run.id}/report.json")
    assert {reason["rows"] for reason in report["tables"][0]["rejections"]} == {2_000_000}
