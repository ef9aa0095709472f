"""Listing of rejections."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway_events import OPERATOR

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]


def pages(api: Api, **query: str) -> list[list[dict[str, Any]]]:
    """All pages of the listing."""
    found = [api.get("rejections", api_key=OPERATOR, **query).json]
    while found[-1]["next_cursor"]:
        found.append(api.get("rejections", api_key=OPERATOR, **query, cursor=found[-1]["next_cursor"]).json)
    return [page["data"] for page in found]


def test_rejection_contains_the_record_its_errors_and_its_position(api: Api, sample: Sample) -> None:
    bad = sample("customers", customer_state="?", extra=None)
    reply = api.post(sample("sellers"), bad)
    (found,) = api.get("rejections").json["data"]
    assert found.pop("id") == 1
    assert found.pop("rejected_at").endswith("Z")
    assert found == {
        "dataset": "olist",
        "table": "customers",
        "raw": bad["data"],
        "errors": reply.json["results"][1]["errors"],
        "source": {"batch_id": reply.json["batch_id"], "index": 1},
        "replayed_at": None,
    }


def test_rejection_of_a_migration_has_file_line_and_offset(api: Api) -> None:
    api.database.query(
        'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, migration_id, file, line, "offset")'
        " VALUES ('olist', 'orders', '\"a,b\"', '[{\"code\": \"field_count\", \"message\": \"m\"}]', 'm1', 'f.csv', 7, 99)"
    )
    (found,) = api.get("rejections", api_key=OPERATOR, migration_id="m1", code="field_count").json["data"]
    assert (found["raw"], found["source"]) == (
        "a,b",
        {"migration_id": "m1", "file": "f.csv", "line": 7, "offset": 99},
    )
    assert found["errors"] == [{"code": "field_count", "message": "m"}]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("12.10", "12.10"),
        ("1e400", "1" + "0" * 400),
        ("-0.00", "0.00"),
        ("1" * 4000, "1" * 4000),
        ("1" * 5000, f'"{"1" * 5000}"'),
        ("1e999999999999999999999", '"1e999999999999999999999"'),
        ("1e-20000", '"1E-20000"'),
        ('"\\u0000\\ud800\\ud83d\\ude00"', '"\\\\x00\\\\ud800😀"'),
        ('"\\\\u0000"', '"\\\\u0000"'),
        ('{"a\\u0000": [true, null, 1.50]}', '{"a\\\\x00": [true, null, 1.50]}'),
        ('""', '""'),
    ],
)
def test_raw_values_are_stored_exactly_unless_jsonb_cannot(api: Api, value: str, kept: str) -> None:
    api.send(f'{{"records": [{{"table": "orders", "data": {{"x": {value}}}}}]}}')
    (raw,) = api.database.query("SELECT (raw->'x')::text FROM dataforge.rejections")[0]
    assert raw == kept
    assert api.get("rejections").status == 200


@pytest.mark.parametrize("number", ["1e4000", "1e-15000", "123456789e4000"])
def test_many_numbers_with_large_exponents_are_listed_in_bounded_size(api: Api, number: str) -> None:
    data = {"x": [json.loads("{}"), 1.5, "y"], "many": "NUMBERS"}
    text = json.dumps({"records": [{"table": "orders", "data": data}]})
    api.send(text.replace('"NUMBERS"', f"[{','.join([number] * 40_000)}]"))
    (size,) = api.database.query("SELECT length(raw::text) FROM dataforge.rejections")[0]
    assert size < 1_500_000
    assert api.get("rejections").status == 200
    (short,) = api.database.query("SELECT raw->'x'->>1 FROM dataforge.rejections")[0]
    assert short == "1.5"


def test_several_filters_are_combined_with_and(api: Api, sample: Sample) -> None:
    first = api.post(sample("customers", customer_state="?"), sample("sellers", seller_id="?", x=1)).json
    second = api.post(sample("orders"), {"table": "nope", "data": {}}).json
    api.post({"table": "tags", "data": {"name": ""}}, dataset="quotes")

    def tables(**query: str) -> list[str]:
        return [item["table"] for item in api.get("rejections", **query).json["data"]]

    assert tables() == ["customers", "sellers", "orders", "nope", "tags"]
    assert tables(dataset="quotes") == ["tags"]
    assert tables(table="sellers") == ["sellers"]
    assert tables(code="unknown_column") == ["sellers"]
    assert tables(code="string_pattern_mismatch") == ["customers", "sellers"]
    assert tables(batch_id=second["batch_id"]) == ["orders", "nope"]
    assert tables(batch_id=first["batch_id"], table="orders") == []
    assert tables(batch_id="'; DROP TABLE dataforge.rejections; --") == []
    assert tables(migration_id="none") == []


def test_pages_contain_each_rejection_once(api: Api, sample: Sample) -> None:
    api.post(*(sample("orders", n) for n in range(25)))
    found = pages(api, limit="10")
    assert [len(page) for page in found] == [10, 10, 5]
    assert [item["source"]["index"] for page in found for item in page] == list(range(25))
    assert [len(page) for page in pages(api, limit="25")] == [25]
    assert [len(page) for page in pages(api)] == [25]


def test_next_page_continues_after_new_rejections(api: Api, sample: Sample) -> None:
    api.post(*(sample("orders", n) for n in range(3)))
    first = api.get("rejections", limit="2").json
    api.post(sample("orders", 4))
    rest = api.get("rejections", limit="2", cursor=first["next_cursor"]).json
    assert [item["id"] for item in first["data"] + rest["data"]] == [1, 2, 3, 4]


def test_page_of_large_records_ends_early(api: Api) -> None:
    for _ in range(3):
        api.post(*({"table": "orders", "data": {"x": "y" * 900_000}} for _ in range(4)))
    found = pages(api, limit="1000")
    assert sum(map(len, found)) == 12
    assert max(len(json.dumps(page)) for page in found) < 4 * 2**20


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "1_0"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"table": "a\0"}, "table"),
        ({"table": "x" * 501}, "table"),
        ({"colour": "red"}, "colour"),
        ({"limit": ""}, "limit"),
    ],
)
def test_invalid_parameter_is_named(api: Api, query: dict[str, str], parameter: str) -> None:
    reply = api.get("rejections", **query)
    assert reply.status == 400
    assert [error["parameter"] for error in reply.json["errors"]] == [parameter]


@pytest.mark.parametrize(
    "change",
    [lambda c: "x", lambda c: c[:-1], lambda c: c + "A", lambda c: "W10", lambda c: "é", lambda c: "=" * 9],
)
def test_cursor_of_another_query_is_refused(api: Api, sample: Sample, change: Callable[[str], str]) -> None:
    api.post(*(sample("orders", n) for n in range(3)))
    cursor = api.get("rejections", limit="1").json["next_cursor"]
    assert api.get("rejections", limit="2", cursor=cursor).status == 200
    assert api.get("rejections", cursor=change(cursor)).status == 400
    assert api.get("rejections", cursor=cursor, table="orders").status == 400


@given(st.lists(st.sampled_from([10, 1_000, 300_000, 900_000, 2_500_000]), max_size=25), st.integers(1, 30))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_contain_each_rejection_once_for_any_sizes(api: Api, sizes: list[int], limit: int) -> None:
    api.database.query("TRUNCATE dataforge.rejections RESTART IDENTITY")
    api.database.query(
        'INSERT INTO dataforge.rejections (dataset, "table", raw, errors, batch_id, index)'
        " SELECT 'olist', 'orders', to_jsonb(repeat('x', size)), '[]', 'b', n - 1"
        " FROM unnest(%s::integer[]) WITH ORDINALITY AS s (size, n)",
        sizes,
    )
    found = [item for page in pages(api, limit=str(limit)) for item in page]
    assert [item["source"]["index"] for item in found] == list(range(len(sizes)))
    assert [len(item["raw"]) for item in found] == sizes
