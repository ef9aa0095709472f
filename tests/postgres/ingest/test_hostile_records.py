"""Invalid records are rejected with their codes and stored as rejections; nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

pytestmark = pytest.mark.usefixtures("nothing_changes")

Sample = Callable[..., dict[str, Any]]

HUGE = {"10^400": "1" + "0" * 400, "1e400": "1e400", "1e-400": "1e-400"}
BAD_VALUES: dict[str, tuple[str, str, list[str]]] = {
    "2018-02-30": ("order_purchase_timestamp", '"2018-02-30"', ["datetime_from_date_parsing"]),
    "a Unix time": ("order_purchase_timestamp", "1514764800", ["datetime_type"]),
    "an offset": ("order_purchase_timestamp", '"2018-01-01T10:00:00Z"', ["timezone_naive"]),
    "24 o'clock": ("order_purchase_timestamp", '"2018-01-01 24:00:00"', ["datetime_from_date_parsing"]),
    "an object for a time": ("order_purchase_timestamp", '{"$date": 1}', ["datetime_type"]),
    "NUL in an id": ("order_id", '"\\u0000"', ["string_pattern_mismatch"]),
    "a lone surrogate in an id": ("order_id", '"\\ud800"', ["string_unicode"]),
    "an id in capitals": ("order_id", f'"{"A" * 32}"', ["string_pattern_mismatch"]),
    "an id with a line end": ("order_id", f'"{1:032x}\\nx"', ["string_pattern_mismatch"]),
    "a number for an id": ("order_id", "1" * 32, ["string_type"]),
    "SQL in an id": ("order_id", '"\'); DROP TABLE olist.orders; --"', ["string_pattern_mismatch"]),
    "SQL in a status": ("order_status", '"created\' OR 1=1"', ["literal_error"]),
    "null for what must be": ("order_status", "null", ["literal_error"]),
    "a list": ("order_status", '["created"]', ["literal_error"]),
    "3 MB of text": ("order_status", f'"{"x" * 3_000_000}"', ["literal_error"]),
    "an extra column": ("x", "1", ["unknown_column"]),
    "SQL as a column": ('x\\"; DROP TABLE olist.orders; --', "1", ["unknown_column"]),
    "NUL in a column's name": ("order_id\\u0000", "1", ["unknown_column"]),
    "an empty name": ("", "1", ["unknown_column"]),
    "a column of PostgreSQL's": ("xmin", "1", ["unknown_column"]),
    "a lone surrogate as a column": ("\\ud800", "1", ["string_unicode"]),
    "300 lists": ("x", "[" * 300 + "]" * 300, ["unknown_column"]),
}
PAYMENT: dict[str, tuple[str, str, list[str]]] = {
    "3 decimals": ("payment_value", "1.005", ["decimal_max_places"]),
    "20 decimals": ("payment_value", "10.00000000000000000001", ["decimal_max_digits"]),
    "a third decimal in text": ("payment_value", '"99999999.995"', ["decimal_max_digits"]),
    "9 digits before the point": ("payment_value", "100000000", ["decimal_whole_digits"]),
    "money below 0": ("payment_value", "-0.01", ["greater_than_equal"]),
    "money 10^400": ("payment_value", HUGE["10^400"], ["decimal_max_digits"]),
    "money 1e400": ("payment_value", HUGE["1e400"], ["decimal_max_digits"]),
    "money 1e999999999": ("payment_value", "1e999999999", ["decimal_max_digits"]),
    "money 1e-400": ("payment_value", HUGE["1e-400"], ["decimal_max_digits"]),
    "money beyond any exponent": ("payment_value", "1e999999999999999999999", ["decimal_type"]),
    "money of 5,000 digits": ("payment_value", "9" * 5000, ["decimal_max_digits"]),
    "money as NaN in text": ("payment_value", '"NaN"', ["decimal_parsing"]),
    "money with a comma": ("payment_value", '"1,50"', ["decimal_parsing"]),
    "money true": ("payment_value", "true", ["decimal_type"]),
    "count 10^400": ("payment_installments", HUGE["10^400"], ["less_than_equal"]),
    "count 1e400": ("payment_installments", HUGE["1e400"], ["less_than_equal"]),
    "count 1e999999999": ("payment_installments", "1e999999999", ["int_parsing_size"]),
    "count -1e999999999": ("payment_installments", "-1e999999999", ["int_parsing_size"]),
    "count of 5,000 digits": ("payment_installments", "9" * 5000, ["int_parsing_size"]),
    "count 2^31": ("payment_installments", "2147483648", ["less_than_equal"]),
    "count 1.5": ("payment_installments", "1.5", ["int_from_float"]),
    "count 1_000 in text": ("payment_installments", '"1_000"', ["int_parsing"]),
    "count ١٢": ("payment_installments", '"١٢"', ["int_parsing"]),
    "count false": ("payment_installments", "false", ["int_type"]),
}
PLACE: dict[str, tuple[str, str, list[str]]] = {
    "latitude 1e400": ("geolocation_lat", "1e400", ["finite_number"]),
    "latitude 10^400": ("geolocation_lat", HUGE["10^400"], ["finite_number"]),
    "latitude 91": ("geolocation_lat", "90.00000000000001", ["less_than_equal"]),
    "latitude inf in text": ("geolocation_lat", '"inf"', ["float_parsing"]),
    "a city of NUL": ("geolocation_city", '"a\\u0000b"', ["string_pattern_mismatch"]),
    "a city of a surrogate": ("geolocation_city", '"a\\udfff"', ["string_unicode"]),
    "a city of white space": ("geolocation_city", '" \\t\\u00a0"', ["missing"]),
    "a city of 2,602 bytes": ("geolocation_city", f'"{"ã" * 1301}"', ["too_many_bytes"]),
}
CASES = [
    *(("orders", *case) for case in BAD_VALUES.items()),
    *(("order_payments", *case) for case in PAYMENT.items()),
    *(("geolocations", *case) for case in PLACE.items()),
]


@pytest.mark.parametrize(
    ("table", "column", "value", "codes"),
    [(table, *case) for table, _, case in CASES],
    ids=[name for _, name, _ in CASES],
)
def test_invalid_value_is_rejected_with_its_code_and_stored(
    api: Api, sample: Sample, table: str, column: str, value: str, codes: list[str]
) -> None:
    data = json.dumps({name: v for name, v in sample(table)["data"].items() if name != column})
    record = f'{{"table": "{table}", "data": {data[:-1]}, "{column}": {value}}}}}'
    reply = api.send(f'{{"records": [{record}]}}')
    assert (reply.status, reply.codes) == (422, [codes])
    reply.text.encode()
    listed = api.get("rejections")
    assert [[e["code"] for e in item["errors"]] for item in listed.json["data"]] == [codes]
    assert len(reply.text) < 2000


@pytest.mark.parametrize(
    "name",
    [
        *("quotes.authors", "pg_catalog.pg_class", "dataforge.rejections", "public.x", "olist.orders"),
        *("authors", "Orders", " orders", "orders ", "", "\0", 'orders"; DROP TABLE olist.orders; --'),
        *("__class__", "../orders", "information_schema.tables", "%s", "orders\n", "ｏrders"),
    ],
)
def test_unknown_table_is_an_error_of_the_record(api: Api, name: str) -> None:
    reply = api.post({"table": name, "data": {"name": "x"}})
    assert (reply.status, reply.codes) == (422, [["unknown_table"]])
    assert reply.json["results"][0]["table"] == name
    assert reply.json["results"][0]["errors"][0]["pointer"] == "/records/0/table"
    (found,) = api.get("rejections").json["data"]
    assert found["table"] == name.replace("\0", "\\x00")
