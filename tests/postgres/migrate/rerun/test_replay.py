"""Rejections are replayed once, as stored or corrected; a record that is rejected again stays open with its new reasons."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from dataforge import Bytes, Integer, Key, Label, References, Row, Text
from dataforge.aws.failures import Failure
from dataforge.errors import InvalidInput, NoFiles, NoSuchRun, QualityTooLow, UnknownTable, WrongCorrection
from dataforge.runs.lifecycle import close_run
from dataforge.s3.rejected_texts import locate
from dataforge.tables.datasets import DATASETS
from dataforge.tables.examples import example_row
from functions.migrate.lifecycle.resume import MIGRATIONS
from functions.migrate.run.replay_records import relation

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")
OPEN = "SELECT count(*) FROM dataforge.rejections WHERE replayed_at IS NULL AND replay_of IS NULL"


@pytest.fixture
def rejected(forge: Forge, make_csv: MakeCsv) -> Migration:
    """A run that rejected two orders without their customers, and one of an unknown status without one."""
    orders: list[dict[str, Any]] = [{"order_id": n, "customer_id": n} for n in (1, 2, 8, 9)]
    orders.append({"order_id": 7, "customer_id": 1, "order_status": "lost"})
    forge.put(customers=make_csv("customers", {"customer_id": 1}, {"customer_id": 2}))
    forge.put(orders=make_csv("orders", *orders))
    run = forge.migration({"tables": ["customers", "orders"], "quality_threshold": 0})
    run.run()
    return run


def parents_arrive(forge: Forge, *numbers: int) -> None:
    for n in numbers:
        insert = "INSERT INTO olist.customers VALUES (%s, %s, '01037', 'rio', 'RJ')"
        forge.database.query(insert, f"{n:032x}", f"{n:032x}")


def replay(forge: Forge, document: dict[str, Any], **more: Any) -> dict[str, list[int]]:
    """Replay; the counts by table."""
    output = forge.migration({"replay": document, **more}).run()
    return {t["table"]: [t[name] for name in COUNTS] for t in output["tables"]}


def correct(forge: Forge, *lines: Any, prefix: str = "replays/1/") -> str:
    body = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    forge.s3.put_object(Bucket="raw", Key=f"{prefix}orders.jsonl", Body=body.encode())
    return prefix


def opened(forge: Forge) -> dict[int, dict[str, Any]]:
    """Open rejections by line, as the API shows them."""
    rows = forge.database.query(
        "SELECT line, id, raw, errors FROM dataforge.rejections WHERE replayed_at IS NULL AND replay_of IS NULL"
    )
    return {line: {"id": i, "raw": raw, "errors": errors} for line, i, raw, errors in rows}


def test_replayed_orphans_are_stored_once_after_their_parent(forge: Forge, rejected: Migration) -> None:
    parents_arrive(forge, 8)
    document = {"migration_id": rejected.id, "code": "foreign_key"}
    assert replay(forge, document) == {"customers": [0] * 5, "orders": [2, 1, 0, 0, 1]}
    assert len(forge.rows("orders")) == 3
    assert forge.database.query(OPEN) == [(2,)]
    assert replay(forge, document) == {"customers": [0] * 5, "orders": [1, 0, 0, 0, 1]}
    parents_arrive(forge, 9)
    assert replay(forge, document)["orders"] == [1, 1, 0, 0, 0]
    assert replay(forge, document)["orders"] == [0, 0, 0, 0, 0]
    assert len(forge.rows("orders")) == 4
    again = "SELECT count(*) FROM dataforge.rejections WHERE replay_of IS NOT NULL"
    assert forge.database.query(again) == [(0,)]
    # For readers of the rejection files beside the report, which are older.
    listed = forge.s3.list_objects_v2(Bucket="report", Prefix=f"runs/{rejected.id}/replayed/")["Contents"]
    stored = {number for one in listed for number in forge.read_json(one["Key"])["ids"]}
    replayed = "SELECT id FROM dataforge.rejections WHERE replayed_at IS NOT NULL"
    assert stored == {number for (number,) in forge.database.query(replayed)}
    assert len(stored) == 2


def test_record_rejected_again_has_one_further_rejection_with_new_reasons(
    forge: Forge, rejected: Migration
) -> None:
    before = opened(forge)
    # The last field of the line is a date.
    spoilt = {**before[4], "raw": before[4]["raw"] + "x"}
    prefix = correct(forge, spoilt)
    for _ in range(3):
        assert replay(forge, {"migration_id": rejected.id}, prefix=prefix)["orders"] == [1, 0, 0, 0, 1]
    assert opened(forge) == before
    [(root, line, raw, errors)] = forge.database.query(
        "SELECT replay_of, line, raw, errors FROM dataforge.rejections WHERE replay_of IS NOT NULL"
    )
    assert (root, line, raw) == (before[4]["id"], 4, spoilt["raw"])
    assert [e["code"] for e in errors] == ["datetime_parsing"]


def test_correction_is_accepted_as_text_and_as_object(
    forge: Forge, rejected: Migration, make_csv: MakeCsv
) -> None:
    before = opened(forge)
    bad = before[6]
    columns = make_csv("orders", {}).decode().splitlines()[0].split(",")
    fields: dict[str, Any] = dict(zip(columns, before[4]["raw"].split(","), strict=True))
    fields |= {"customer_id": f"{1:032x}", "order_approved_at": None}
    given = {name: value for name, value in fields.items() if value != ""}
    prefix = correct(
        forge,
        {**bad, "raw": bad["raw"].replace("lost", "shipped")},
        "",
        {"id": before[4]["id"], "raw": given},
    )
    document = {"migration_id": rejected.id}
    assert replay(forge, document, prefix=prefix)["orders"] == [2, 2, 0, 0, 0]
    assert replay(forge, document, prefix=prefix)["orders"] == [0, 0, 0, 0, 0]
    assert forge.database.query("SELECT count(*) FROM olist.orders WHERE order_status = 'shipped'") == [(1,)]


def test_first_of_corrections_with_one_key_is_loaded(forge: Forge, rejected: Migration) -> None:
    before = opened(forge)
    raw = before[6]["raw"].replace("lost", "shipped")
    prefix = correct(
        forge, {**before[4], "raw": raw.replace("shipped", "created")}, {**before[6], "raw": raw}
    )
    assert replay(forge, {"migration_id": rejected.id}, prefix=prefix)["orders"] == [2, 1, 0, 0, 1]
    assert forge.database.query("SELECT order_status FROM olist.orders WHERE order_id = %s", f"{7:032x}") == [
        ("created",)
    ]


def test_replay_below_specified_threshold_changes_nothing(forge: Forge, rejected: Migration) -> None:
    before = opened(forge)
    parents_arrive(forge, 8)
    for _ in range(2):
        with pytest.raises(QualityTooLow):
            replay(forge, {"migration_id": rejected.id}, quality_threshold=0.9)
    assert opened(forge) == before
    assert len(forge.rows("orders")) == 2
    assert replay(forge, {"migration_id": rejected.id})["orders"] == [3, 1, 0, 0, 2]
    assert forge.database.query("SELECT count(*) FROM dataforge.rejections") == [(3 + 2,)]


def test_rejections_of_batch_are_replayed(forge: Forge, make_csv: MakeCsv) -> None:
    header, row = make_csv("orders", {"order_id": 5, "customer_id": 5}).decode().splitlines()
    data = {n: v for n, v in zip(header.split(","), row.split(","), strict=True) if v}
    for index, raw in enumerate([data, {**data, "order_id": "é"}, ["no", "object"]]):
        forge.database.query(
            'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, batch_id, index)'
            " VALUES ('olist', 'orders', %s, '[]', 'b-1', %s)",
            *(json.dumps(raw), index),
        )
    parents_arrive(forge, 5)
    assert replay(forge, {"batch_id": "b-1"}) == {"orders": [3, 1, 0, 0, 2]}
    assert forge.database.query(OPEN) == [(2,)]
    found = forge.database.query(
        "SELECT file, line, raw, errors->0->>'code' FROM dataforge.rejections WHERE replay_of IS NOT NULL ORDER BY 2"
    )
    assert found == [
        ("batch b-1", 2, {**data, "order_id": "é"}, "string_pattern_mismatch"),
        ("batch b-1", 3, ["no", "object"], "dict_type"),
    ]


def test_replayed_record_of_flat_file_is_split_into_rows(forge: Forge) -> None:
    forge.s3.put_object(Bucket="raw", Key="quotes/quotes.csv", Body=b"author,text,tags\nAnn,,a;b\n")
    run = forge.migration({"dataset": "quotes", "quality_threshold": 0})
    run.run()
    [(number,)] = forge.database.query("SELECT id FROM dataforge.rejections")
    prefix = correct(forge, {"id": number, "raw": "Ann,Words.,a;b"})
    counts = replay(forge, {"migration_id": run.id, "table": "quotes"}, prefix=prefix)
    assert {name: count[1] for name, count in counts.items()} == {
        "authors": 1,
        "quotes": 1,
        "tags": 2,
        "quote_tags": 2,
    }
    assert forge.database.query(OPEN) == [(0,)]


def test_inexact_record_is_replayed_only_if_corrected(forge: Forge, make_csv: MakeCsv) -> None:
    body = make_csv("customers", {"customer_id": 1, "customer_city": "rio"})
    forge.put(customers=body.replace(b"rio", b"r\xe3o") + body.splitlines()[1].replace(b"rio", b"r\0o"))
    run = forge.migration({"tables": ["customers"], "quality_threshold": 0})
    run.run()
    lines = opened(forge)
    prefix = correct(forge, *lines.values())
    for more in ({}, {"prefix": prefix}):
        assert replay(forge, {"migration_id": run.id}, **more) == {"customers": [0] * 5}
    prefix = correct(forge, {"id": lines[2]["id"], "raw": lines[2]["raw"].replace("\\xe3", "ã")})
    assert replay(forge, {"migration_id": run.id}, prefix=prefix) == {"customers": [1, 1, 0, 0, 0]}


class Owner(Row, table="owners", file="owners.csv"):
    owner: Annotated[Label, Key()]


class Document(Row, table="documents", file="documents.csv"):
    number: Annotated[Integer, Key()]
    owner: Annotated[Label, References("owners")]
    digest: Bytes


class Message(Row, table="messages", file="messages.jsonl"):
    owner: Annotated[Label, Key(), References("owners")]
    text: Text


def test_exact_records_with_bytes_and_escapes_are_replayed(declare: Callable[..., Forge]) -> None:
    forge = declare("archive", Owner=Owner, Document=Document, Message=Message)
    files = {
        "owners.csv": b"owner\n",
        "documents.csv": b"number,owner,digest\n1,ana,\\xdeadbeef\n2,ana,\\x6162\n",
        "messages.jsonl": rb'{"owner": "ana", "text": "\ud83d\ude00"}',
    }
    for name, body in files.items():
        forge.s3.put_object(Bucket="raw", Key=f"archive/{name}", Body=body)
    run = forge.migration({"dataset": "archive", "quality_threshold": 0})
    run.run()
    forge.database.query("INSERT INTO archive.owners VALUES ('ana')")
    forge.migrate(dataset="archive", replay={"migration_id": run.id}, quality_threshold=0)
    assert forge.database.query(OPEN) == [(0,)]
    assert forge.rows("messages", "archive") == ["(ana,😀)"]
    assert forge.database.query("SELECT digest::text FROM archive.documents ORDER BY number") == [
        ("\\xdeadbeef",),
        ("\\x6162",),
    ]


def test_records_beside_bare_carriage_return_are_replayed_only_if_corrected(forge: Forge) -> None:
    header = b"product_category_name,product_category_name_english\n"
    forge.put(category_translations=header + b"beleza,health\rbeauty\n")
    run = forge.migration({"tables": ["category_translations"], "quality_threshold": 0})
    run.run()
    kept = opened(forge)[2]
    assert replay(forge, {"migration_id": run.id}) == {"category_translations": [0] * 5}
    prefix = correct(forge, {"id": kept["id"], "raw": 'beleza,"health\rbeauty"'})
    assert replay(forge, {"migration_id": run.id}, prefix=prefix)["category_translations"] == [1, 1, 0, 0, 0]
    assert forge.rows("category_translations") == ['(beleza,"health\rbeauty")']


WRONG: list[tuple[Any, str]] = [
    ("{", "line 2: it is not JSON"),
    ([1], 'line 2: "raw", the corrected record, is missing'),
    ({"id": 1}, 'line 2: "raw", the corrected record, is missing'),
    ({"id": "1", "raw": ""}, 'line 2: "id" is missing'),
    ({"id": 10**30, "raw": ""}, 'line 2: "id" is missing'),
    ({"id": 10**9, "raw": ""}, "line 2: migration .* has no rejection 1000000000"),
    ({"id": 1, "raw": "\0"}, "line 2: it contains a NUL"),
    (None, r"line 3: rejection \d+ occurs twice"),
]


def test_invalid_correction_is_refused_with_file_and_line(forge: Forge, rejected: Migration) -> None:
    one = opened(forge)[4]
    for line, words in WRONG:
        prefix = correct(forge, "", line or one, one)
        with pytest.raises(WrongCorrection, match=rf"replays/1/orders\.jsonl, {words}"):
            replay(forge, {"migration_id": rejected.id}, prefix=prefix)


def test_replay_of_unknown_source_is_refused(forge: Forge, rejected: Migration) -> None:
    def refused(error: type[Exception], words: str, document: Any, **more: Any) -> None:
        with pytest.raises(error, match=words):
            replay(forge, document, **more)

    refused(NoSuchRun, "There is no migration 'x'", {"migration_id": "x"})
    refused(NoSuchRun, "There is no batch 'x' that rejected a record", {"batch_id": "x"})
    refused(InvalidInput, "specify either migration_id or batch_id", {})
    refused(InvalidInput, "specify either migration_id or batch_id", {"migration_id": "x", "batch_id": "x"})
    refused(UnknownTable, "'sellers'", {"migration_id": rejected.id, "table": "sellers"})
    refused(InvalidInput, 'inside "replay"', {"migration_id": rejected.id}, tables=["orders"])
    refused(NoFiles, "'none/'", {"migration_id": rejected.id}, prefix="none")


def test_interrupted_replay_is_resumed_and_loads_each_chunk_once(forge: Forge, rejected: Migration) -> None:
    parents_arrive(forge, 8, 9)
    run = forge.migration({"replay": {"migration_id": rejected.id}}).until("settle")
    again = forge.migration({"resume": run.id})
    assert again.begin() == run.execution
    assert again.begin(dead=run.execution) == ""
    for step in ("plan", "scan", "cut", "load", "settle", "reconcile", "publish"):
        again.take(step)
    assert [t["loaded"] for t in again.report()["tables"]] == [0, 2]
    assert forge.database.query(OPEN) == [(1,)]


def test_replay_begun_by_commit_a6f090d_is_resumed(forge: Forge, rejected: Migration) -> None:
    parents_arrive(forge, 8, 9)
    run = forge.migration({"replay": {"migration_id": rejected.id}}).until("settle")
    close_run(run.control, MIGRATIONS, run.execution, "failed", Failure("Timeout", "too slow"))
    forge.database.query(f"ALTER TABLE {relation(run.id)} DROP COLUMN folder_values")
    output = forge.migration({"resume": run.id, "quality_threshold": 0}).run()
    orders = next(t for t in output["tables"] if t["table"] == "orders")
    assert [orders[name] for name in COUNTS] == [3, 2, 0, 0, 1]


def test_quality_fact_of_replay_counts_accepted_records_only(forge: Forge, rejected: Migration) -> None:
    parents_arrive(forge, 8)
    replay(forge, {"migration_id": rejected.id})
    facts = (
        'SELECT read, accepted, rejected, rules FROM dataforge.quality_facts WHERE "table" = %s ORDER BY at'
    )
    assert forge.database.query(facts, "orders")[1:] == [(1, 1, 0, {})]


def reject_in_bucket(forge: Forge, *orders: dict[str, Any]) -> None:
    """Store rejected orders of a batch as the ingest function does if they are too large for the database."""
    documents = [json.dumps({"raw": raw, "errors": [{"code": "foreign_key"}]}) for raw in orders]
    content, locations = locate("b1", documents)
    forge.s3.put_object(Bucket="report", Key=locations[0].key, Body=content)
    for index, location in enumerate(locations):
        forge.database.query(
            'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, batch_id, index, raw_at)'
            " VALUES ('olist', 'orders', 'null', '[{\"code\": \"foreign_key\"}]', 'b1', %s, %s)",
            index,
            location.model_dump_json(),
        )


def test_records_of_a_batch_are_replayed_from_the_report_bucket(forge: Forge, rejected: Migration) -> None:
    template = example_row(DATASETS["olist"], DATASETS["olist"].table("orders"))
    orders = [template | {"order_id": f"{n + 20:032x}", "customer_id": f"{n:032x}"} for n in (1, 8)]
    reject_in_bucket(forge, *orders)
    assert replay(forge, {"batch_id": "b1"})["orders"] == [2, 1, 0, 0, 1]
    parents_arrive(forge, 8)
    assert replay(forge, {"batch_id": "b1"})["orders"] == [1, 1, 0, 0, 0]


def test_record_whose_object_was_deleted_is_replayed_only_if_corrected(
    forge: Forge, rejected: Migration
) -> None:
    order = example_row(DATASETS["olist"], DATASETS["olist"].table("orders")) | {"customer_id": f"{1:032x}"}
    reject_in_bucket(forge, order)
    forge.s3.delete_object(Bucket="report", Key="rejections/b1.jsonl")
    assert replay(forge, {"batch_id": "b1"})["orders"] == [0] * 5
    [(number,)] = forge.database.query("SELECT id FROM dataforge.rejections WHERE batch_id = 'b1'")
    prefix = correct(forge, {"id": number, "raw": order})
    assert replay(forge, {"batch_id": "b1"}, prefix=prefix)["orders"] == [1, 1, 0, 0, 0]
