"""Bodies that are not batches: an error without internal details, and nothing changes."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

pytestmark = pytest.mark.usefixtures("nothing_changes")

RECORD = '{"table": "sellers", "data": {"seller_id": "1"}}'
DEEP = 100_000

NOT_JSON = {
    "nothing": "",
    "blank": "  ",
    "text": "hello",
    "half": '{"records": [',
    "two": "{} {}",
    "a trailing comma": '{"records": [],}',
    "single quotes": "{'records': []}",
    "a mark at the start": "\ufeff{}",
    "NaN": '{"records": [{"table": "sellers", "data": {"x": NaN}}]}',
    "Infinity": '{"records": [{"table": "sellers", "data": {"x": Infinity}}]}',
    "-Infinity": '{"records": [{"table": "sellers", "data": {"x": -Infinity}}]}',
    "a leading zero": '{"records": 01}',
    "a control character": '{"records": "\n"}',
    "a name twice in the envelope": f'{{"records": [], "records": [{RECORD}]}}',
    "a name twice in a record": '{"records": [{"table": "a", "table": "sellers", "data": {}}]}',
    "a name twice in the data": '{"records": [{"table": "sellers", "data": {"a": 1, "\\u0061": 2}}]}',
    "arrays in arrays": "[" * DEEP,
    "closed arrays in arrays": "[" * DEEP + "]" * DEEP,
    "objects in objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "a lone surrogate, not escaped": '{"records": "\ud800"}',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_body_that_is_not_json_is_400(api: Api, body: str) -> None:
    api.send(body).problem(400, "not-json")


@pytest.mark.parametrize(
    "data", [b'{"records": "\xff"}', b'{"records": "\xed\xa0\x80"}', '{"records": []}'.encode("utf-16")]
)
def test_body_that_is_not_utf8_is_400(api: Api, data: bytes) -> None:
    api.send_base64(base64.b64encode(data).decode()).problem(400, "not-json")


def test_body_that_is_not_base64_is_400(api: Api) -> None:
    api.send_base64("{not base64}").problem(400, "not-json")


WRONG_ENVELOPES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "an array": ("[]", [("", "model_type")]),
    "null": ("null", [("", "model_type")]),
    "a number of 5,000 digits": ("1" * 5000, [("", "model_type")]),
    "no records": ("{}", [("/records", "missing")]),
    "0 records": ('{"records": []}', [("/records", "too_short")]),
    "1,001 records": (f'{{"records": [{", ".join([RECORD] * 1001)}]}}', [("/records", "too_long")]),
    "records in an object": ('{"records": {"0": 1}}', [("/records", "list_type")]),
    "records as text": ('{"records": "x"}', [("/records", "list_type")]),
    "an unknown field": (f'{{"records": [{RECORD}], "x/y~": 1}}', [("/x~1y~0", "extra_forbidden")]),
    "an unknown field of a record": (
        '{"records": [{"table": "sellers", "data": {}, "id": 7}]}',
        [("/records/0/id", "extra_forbidden")],
    ),
    "an unknown mode": (f'{{"records": [{RECORD}], "mode": "fast"}}', [("/mode", "literal_error")]),
    "a mode that is a list": (f'{{"records": [{RECORD}], "mode": [[]]}}', [("/mode", "literal_error")]),
    "an unknown rule": (f'{{"records": [{RECORD}], "on_conflict": 1}}', [("/on_conflict", "literal_error")]),
    "an unknown dataset": (f'{{"records": [{RECORD}], "dataset": "x"}}', [("/dataset", "literal_error")]),
    "a schema as dataset": (
        f'{{"records": [{RECORD}], "dataset": "pg_catalog"}}',
        [("/dataset", "literal_error")],
    ),
    "SQL as dataset": (
        f'{{"records": [{RECORD}], "dataset": "olist\\"; DROP SCHEMA olist CASCADE; --"}}',
        [("/dataset", "literal_error")],
    ),
    "null as dataset": (f'{{"records": [{RECORD}], "dataset": null}}', [("/dataset", "string_type")]),
    "records that are none": (
        '{"records": [1, null, "x", []]}',
        [(f"/records/{n}", "dict_type") for n in range(4)],
    ),
    "a record without table and data": (
        '{"records": [{}]}',
        [("/records/0/table", "missing"), ("/records/0/data", "missing")],
    ),
    "a table that is a number": (
        '{"records": [{"table": 1, "data": {}}]}',
        [("/records/0/table", "string_type")],
    ),
    "data that is a list": (
        '{"records": [{"table": "sellers", "data": []}]}',
        [("/records/0/data", "dict_type")],
    ),
    "a table of a million letters": (
        '{"records": [{"table": "%s", "data": {}}]}' % ("x" * 10**6),
        [("/records/0/table", "string_too_long")],
    ),
    "a surrogate as table": (
        '{"records": [{"table": "\\ud800", "data": {}}]}',
        [("/records/0/table", "string_unicode")],
    ),
}


@pytest.mark.parametrize(("body", "errors"), WRONG_ENVELOPES.values(), ids=WRONG_ENVELOPES)
def test_invalid_envelope_has_errors_with_pointers(
    api: Api, body: str, errors: list[tuple[str, str]]
) -> None:
    problem = api.send(body).problem(400, "invalid-request")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == errors
    assert all(error["message"] for error in problem["errors"])
    assert api.count("dataforge.rejections") == 0


def test_errors_of_an_envelope_are_limited(api: Api) -> None:
    problem = api.send(json.dumps({"records": [{}] * 1000})).problem(400, "invalid-request")
    assert len(problem["errors"]) == 100


@pytest.mark.parametrize("size", [4 * 2**20 + 1, 5 * 10**6])
def test_body_over_four_megabytes_is_refused(api: Api, size: int) -> None:
    body = f'{{"records": [{RECORD}]}}'
    api.send(body + " " * (size - len(body))).problem(413, "body-too-large")


def test_size_limit_applies_to_the_decoded_body(api: Api) -> None:
    body = json.dumps({"records": [{"table": "orders", "data": {"x": "é" * 1_900_000}}]}, ensure_ascii=False)
    assert api.send(body).codes[0].count("unknown_column") == 1
    body = body.replace("éé", "ééé")
    api.send(body).problem(413, "body-too-large")
    big = base64.b64encode(b" " * (4 * 2**20 + 1)).decode()
    api.send_base64(big).problem(413, "body-too-large")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/jsonp",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
    ],
)
def test_content_type_other_than_json_is_refused(api: Api, content_type: str) -> None:
    api.send(f'{{"records": [{RECORD}]}}', content_type=content_type).problem(415, "wrong-media-type")


@pytest.mark.parametrize(
    "content_type",
    ["APPLICATION/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf-8"'],
)
def test_every_spelling_of_json_in_utf8_is_accepted(api: Api, content_type: str) -> None:
    assert api.send(f'{{"records": [{RECORD}]}}', content_type=content_type).status == 422
