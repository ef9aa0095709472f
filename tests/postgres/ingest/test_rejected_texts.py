"""Of one batch the database stores at most 1 MiB of rejected records; the report bucket stores the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.api.batch import Batch
from dataforge.defaults import BATCH_RAW_BYTES
from dataforge.records.violation import Violation
from dataforge.s3.rejected_texts import Location
from functions.ingest.rejected import divide
from functions.schema.expire import expire
from tests.gateway_events import OPERATOR

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
STORED = "SELECT coalesce(sum(octet_length(raw::text) + octet_length(errors::text)), 0)::int FROM dataforge.rejections"
LARGE = "x" * 400_000


def large(number: int) -> dict[str, Any]:
    """A record that is rejected, of 400 kB."""
    return {"table": "orders", "data": {"x": LARGE, "number": number}}


def bodies() -> list[bytes]:
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket="report", Prefix="rejections/").get("Contents", ())
    return [s3.get_object(Bucket="report", Key=item["Key"])["Body"].read() for item in listed]


def listed(api: Api, **query: str) -> list[dict[str, Any]]:
    found, page = [], api.get("rejections", api_key=OPERATOR, **query).json
    while True:
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        page = api.get("rejections", api_key=OPERATOR, **query, cursor=page["next_cursor"]).json


def test_rejected_batches_of_megabytes_do_not_fill_the_database(api: Api) -> None:
    for _ in range(3):
        assert api.post(*map(large, range(9))).status == 422
    (stored,) = api.database.query(STORED)[0]
    assert stored <= 3 * (BATCH_RAW_BYTES + 9 * 100)
    assert api.count("dataforge.rejections") == 27
    found = listed(api, limit="1000")
    assert [item["raw"]["number"] for item in found] == list(range(9)) * 3
    assert {item["raw"]["x"] for item in found} == {LARGE}


def test_rejection_in_the_bucket_is_listed_like_one_in_the_database(api: Api) -> None:
    reply = api.post(*map(large, range(5)))
    found = listed(api, batch_id=reply.json["batch_id"])
    assert [item["raw"] for item in found] == [large(number)["data"] for number in range(5)]
    assert [item["errors"] for item in found] == [result["errors"] for result in reply.json["results"]]
    assert [item["source"]["index"] for item in found] == list(range(5))
    assert len({frozenset(item) for item in found}) == 1
    assert len(listed(api, code="unknown_column")) == 5
    assert listed(api, code="not_null") == []


def test_record_of_megabytes_is_stored_whole(api: Api) -> None:
    data = {"x": "é" * 1_500_000}
    api.send(json.dumps({"records": [{"table": "orders", "data": data}]}, ensure_ascii=False))
    (found,) = listed(api)
    assert found["cut"]
    assert found["raw"] == json.dumps(data, ensure_ascii=False, separators=(",", ":"))[:100_000]
    (body,) = bodies()[-1:]
    assert body.decode().count("é") >= 1_500_000


def test_valid_records_of_a_batch_with_large_rejections_are_stored(api: Api, sample: Sample) -> None:
    reply = api.post(sample("customers"), *map(large, range(4)))
    assert (reply.status, reply.counts) == (207, {"received": 5, "inserted": 1, "rejected": 4})
    assert api.count("olist.customers") == 1


def test_batch_whose_rejections_cannot_be_stored_is_refused_whole(
    api: Api, sample: Sample, monkeypatch: pytest.MonkeyPatch, nothing_changes: None
) -> None:
    monkeypatch.setenv("REPORT_BUCKET", "deleted")
    body = json.dumps({"records": [sample("customers"), *map(large, range(4))]})
    document = api.send(body, idempotency_key="large").problem(413, "rejections-too-large")
    assert "nothing was stored" in document["detail"]
    assert api.count("dataforge.rejections") == 0


def test_batch_whose_rejections_fit_needs_no_bucket(
    api: Api, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPORT_BUCKET", "deleted")
    assert api.post(sample("customers"), large(1), large(2)).status == 207
    assert api.count("dataforge.rejections") == 2


def test_rejection_whose_object_was_deleted_is_listed_without_its_record(api: Api) -> None:
    reply = api.post(*map(large, range(4)))
    boto3.client("s3").delete_object(Bucket="report", Key=f"rejections/{reply.json['batch_id']}.jsonl")
    found = listed(api)
    assert [item.get("cut", False) for item in found] == [False, False, True, True]
    assert found[-1]["raw"] is None
    assert found[-1]["errors"][0]["code"] == "missing"


def test_page_reads_a_bounded_number_of_objects(api: Api) -> None:
    location = Location(key="rejections/none", offset=0, length=1)
    api.database.query(
        'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, batch_id, index, raw_at)'
        " SELECT 'olist', 'orders', 'null', '[]', n::text, 0, %s::jsonb || jsonb_build_object('key', n::text)"
        " FROM generate_series(1, 25) n",
        location.model_dump_json(),
    )
    assert len(api.get("rejections", api_key=OPERATOR, limit="1000").json["data"]) == 10
    assert len(listed(api, limit="1000")) == 25


def test_errors_of_a_batch_are_bounded_and_have_every_code() -> None:
    found = [Violation("unknown_column", "m", f"{number:x}") for number in range(300)]
    violations = {index: [*found, Violation("last", "m")] for index in range(200)}
    batch = Batch.model_validate({"records": [{"table": "orders", "data": {}}] * 200})
    errors = [json.loads(row.errors) for row in divide(batch, "batch", violations).rows]
    assert max(map(len, errors)) == 101
    assert {error[-1]["code"] for error in errors} == {"last"}


USED = "SELECT bytes FROM dataforge.rejected_texts WHERE dataset = 'olist'"


def test_budget_of_a_dataset_bounds_its_text_in_the_database(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REJECTED_TEXT_BYTES", "1300000")
    for _ in range(4):
        assert api.post(*map(large, range(3))).status == 422
    (whole,) = api.database.query("SELECT sum(octet_length(raw->>'x')) FROM dataforge.rejections")[0]
    assert whole == 3 * len(LARGE)
    assert [item["raw"] for item in listed(api)] == [large(number)["data"] for number in range(3)] * 4


def test_used_budget_is_the_text_of_the_rows_and_ends_with_them(api: Api) -> None:
    api.post(*map(large, range(5)))
    api.post(large(1))
    api.post({"table": "tags", "data": {"name": ""}}, dataset="quotes")
    [(used,)] = api.database.query(USED)
    [(rows,)] = api.database.query("SELECT sum(text_bytes) FROM dataforge.rejections WHERE dataset = 'olist'")
    assert used == rows
    assert 3 * len(LARGE) < used < 3 * len(LARGE) + 10_000
    api.database.query(
        "UPDATE dataforge.rejections SET rejected_at = now() - interval '91 days' WHERE id > 1"
    )
    db = api.database.superuser()
    db.autocommit = False
    assert expire(db, 90) == 6
    db.close()
    assert api.database.query(USED) == api.database.query("SELECT text_bytes FROM dataforge.rejections")


def test_used_share_of_the_budget_is_a_metric_of_rejecting_batches(
    api: Api, sample: Sample, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def percent() -> list[list[float]]:
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
        return [line["RejectedTextPercent"] for line in lines if "RejectedTextPercent" in line]

    monkeypatch.setenv("REJECTED_TEXT_BYTES", "1000000")
    percent()
    api.post(sample("customers"))
    assert percent() == []
    api.post(large(1))
    api.post(large(2))
    ((first,), (second,)) = percent()
    assert (40 < first < 41, 80 < second < 82) == (True, True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=5)
    | st.decimals(allow_nan=False, allow_infinity=False, places=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), min_size=1, max_size=6), st.data())
def test_every_rejected_record_is_a_row_or_at_its_location(
    records: list[dict[str, Any]], data: st.DataObject
) -> None:
    paddings = data.draw(
        st.lists(st.sampled_from([0, 600_000]), min_size=len(records), max_size=len(records))
    )
    padded = [record | {"padding": "x" * size} for record, size in zip(records, paddings, strict=True)]
    batch = Batch.model_validate({"records": [{"table": "orders", "data": record} for record in padded]})
    violations = {index: [Violation("missing", "Field required", "order_id")] for index in range(len(padded))}
    divided = divide(batch, "batch", violations)
    assert [row.index for row in divided.rows] == list(range(len(padded)))
    assert (
        sum(len(row.raw.encode()) + len(row.errors.encode()) for row in divided.rows) <= BATCH_RAW_BYTES + 600
    )
    small = divide(Batch.model_validate({"records": batch.records[:1]}), "batch", {0: violations[0]})
    assert small.rows[0].raw_at is None
    for row in divided.rows:
        raw = row.raw
        if row.raw_at is not None:
            place = Location.model_validate_json(row.raw_at)
            assert place.key == divided.key
            document = divided.content[place.offset : place.end].decode()
            raw = document[len('{"raw":') : document.rindex(',"errors":[')]
        found = json.loads(raw, parse_float=Decimal)
        assert found["padding"] == padded[row.index]["padding"]
        assert len(found) == len({name.replace("\0", "\\x00") for name in padded[row.index]})
