"""Validation of a raw record: a row of canonical texts, or a rejection with every reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.formats.csv_boundaries import parse_fields, split_records
from dataforge.formats.csv_records import read_record
from dataforge.records.validate import Cleanings, content_hash, copy_line, row_hash, row_text, validate
from dataforge.records.violation import Violation
from dataforge.tables.catalogue import Dataset, Table
from dataforge.tables.datasets import DATASETS
from dataforge.tables.types.numbers import Numeric

OLIST = DATASETS["olist"]
A, B = "a" * 32, "b" * 32
ORDER = {
    "order_id": A,
    "customer_id": B,
    "order_status": "created",
    "order_purchase_timestamp": "2018-01-01 10:00:00",
    "order_estimated_delivery_date": "2018-01-02 00:00:00",
}
ITEM = {
    "order_id": A,
    "order_item_id": "1",
    "product_id": A,
    "seller_id": B,
    "shipping_limit_date": "2018-01-01 10:00:00",
    "price": "1.00",
    "freight_value": "0.00",
}
CUSTOMER = {
    "customer_id": A,
    "customer_unique_id": B,
    "customer_zip_code_prefix": "01037",
    "customer_city": "rio",
    "customer_state": "RJ",
}
REVIEW = {
    "review_id": A,
    "order_id": B,
    "review_score": "5",
    "review_creation_date": "2018-01-01 00:00:00",
    "review_answer_timestamp": "2018-01-01 00:00:00",
}
PLACE = {
    "geolocation_zip_code_prefix": "01037",
    "geolocation_lat": "-23.5",
    "geolocation_lng": "-46.6",
    "geolocation_city": "rio",
    "geolocation_state": "SP",
}
BASES: dict[str, dict[str, str]] = {
    "orders": ORDER,
    "order_items": ITEM,
    "customers": CUSTOMER,
    "order_reviews": REVIEW,
    "geolocations": PLACE,
}


def result_of(table: str, column: str, value: Any) -> Any:
    """The result for one value in an otherwise valid record: its text, or its codes."""
    found = validate(OLIST.table(table), BASES[table] | {column: value}, Counter())
    if isinstance(found, list):
        return [violation.code for violation in found]
    return found[OLIST.table(table).column_names.index(column)]


@pytest.mark.parametrize(
    ("table", "column", "value", "wanted"),
    [
        ("orders", "order_id", f" {B}\t", B),
        ("orders", "order_id", "A" * 32, ["string_pattern_mismatch"]),
        ("orders", "order_id", "a" * 31, ["string_pattern_mismatch"]),
        ("orders", "order_id", " ", ["missing"]),
        ("orders", "order_status", "delivered ", "delivered"),
        ("orders", "order_status", "Delivered", ["literal_error"]),
        ("orders", "order_approved_at", " ", None),
        ("orders", "order_purchase_timestamp", "2018-01-01T10:00", "2018-01-01 10:00:00"),
        ("orders", "order_purchase_timestamp", "2016-02-29", "2016-02-29 00:00:00"),
        ("orders", "order_purchase_timestamp", "2018-01-01 10:00:00.250", "2018-01-01 10:00:00.25"),
        ("orders", "order_purchase_timestamp", "2018-01-01 10:00:00-03:00", ["timezone_naive"]),
        ("orders", "order_purchase_timestamp", "2018-01-01T10:00:00Z", ["timezone_naive"]),
        ("orders", "order_purchase_timestamp", "01/02/2018", ["datetime_parsing"]),
        ("orders", "order_purchase_timestamp", "1514764800", ["datetime_parsing"]),
        ("order_items", "price", "1.005", ["decimal_max_places"]),
        ("order_items", "price", "1.500", "1.50"),
        ("order_items", "price", "-0", "0.00"),
        ("order_items", "price", "-0.01", ["greater_than_equal"]),
        ("order_items", "price", "123456789.00", ["decimal_whole_digits"]),
        ("order_items", "price", "1,5", ["decimal_parsing"]),
        ("order_items", "price", "NaN", ["decimal_parsing"]),
        ("order_items", "price", "1_000", ["decimal_parsing"]),
        ("order_items", "order_item_id", "0", ["greater_than_equal"]),
        ("order_items", "order_item_id", "+007", "7"),
        ("order_items", "order_item_id", "1.0", "1"),
        ("order_items", "order_item_id", " 7.00", "7"),
        ("order_items", "order_item_id", "7.", ["int_parsing"]),
        ("order_items", "order_item_id", "1.50", ["int_parsing"]),
        ("order_items", "order_item_id", "1e0", ["int_parsing"]),
        ("order_items", "order_item_id", "0.0", ["greater_than_equal"]),
        ("order_items", "order_item_id", "2147483648.0", ["less_than_equal"]),
        ("order_items", "order_item_id", "2147483648", ["less_than_equal"]),
        ("order_items", "order_item_id", "١", ["int_parsing"]),
        ("order_reviews", "review_score", "6", ["less_than_equal"]),
        ("order_reviews", "review_comment_message", " two\r\nlines ", " two\r\nlines "),
        ("order_reviews", "review_comment_title", "a\0b", ["string_pattern_mismatch"]),
        ("customers", "customer_state", "rj", "RJ"),
        ("customers", "customer_state", "ß", ["string_pattern_mismatch"]),
        ("customers", "customer_zip_code_prefix", "1037", ["string_pattern_mismatch"]),
        ("customers", "customer_zip_code_prefix", "٠١٠٣٧", ["string_pattern_mismatch"]),
        ("customers", "customer_city", "\u00a0são paulo\u3000", "são paulo"),
        ("customers", "customer_city", "\u00a0", ["missing"]),
        ("geolocations", "geolocation_lat", "-23.5456210", "-23.545621"),
        ("geolocations", "geolocation_lat", "1e-5", "1e-05"),
        ("geolocations", "geolocation_lat", "-0.0", "0"),
        ("geolocations", "geolocation_lat", "90.00000000000001", ["less_than_equal"]),
        ("geolocations", "geolocation_lng", "-180.5", ["greater_than_equal"]),
        ("geolocations", "geolocation_lng", "nan", ["float_parsing"]),
        ("geolocations", "geolocation_lng", "1e999", ["finite_number"]),
    ],
)
def test_value_is_accepted_cleaned_or_rejected_according_to_the_contract(
    table: str, column: str, value: str, wanted: Any
) -> None:
    assert result_of(table, column, value) == wanted


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("order_items", "order_item_id", True),
        ("order_items", "price", False),
        ("geolocations", "geolocation_lat", True),
        ("orders", "order_purchase_timestamp", 1514764800),
        ("orders", "order_id", 5),
        ("orders", "order_id", ["a"]),
        ("customers", "customer_city", {"a": 1}),
    ],
)
def test_json_value_of_another_type_is_rejected(table: str, column: str, value: Any) -> None:
    [code] = result_of(table, column, value)
    assert code.endswith("_type")


def test_every_violation_has_its_column_and_not_the_value() -> None:
    record = {"order_id": "secret-1", "order_status": "secret-2", "colour": "secret-3"}
    found = validate(OLIST.table("orders"), record, Counter())
    assert isinstance(found, list)
    assert {(v.column, v.code) for v in found} == {
        ("order_id", "string_pattern_mismatch"),
        ("customer_id", "missing"),
        ("order_status", "literal_error"),
        ("order_purchase_timestamp", "missing"),
        ("order_estimated_delivery_date", "missing"),
        ("colour", "unknown_column"),
    }
    assert not any("secret" in v.message for v in found)


def test_cleanings_are_counted_by_column_and_kind() -> None:
    counted: Cleanings = Counter()
    dirty = {"customer_city": " rio", "customer_state": "rj ", "customer_zip_code_prefix": "  "}
    validate(OLIST.table("customers"), CUSTOMER | dirty, counted)
    validate(OLIST.table("customers"), CUSTOMER, counted)
    validate(OLIST.table("order_items"), ITEM | {"order_item_id": " 1.00"}, counted)
    assert counted == {
        ("order_item_id", "trimmed"): 1,
        ("order_item_id", "decimals_removed"): 1,
        ("customer_city", "trimmed"): 1,
        ("customer_state", "trimmed"): 1,
        ("customer_state", "uppercased"): 1,
        ("customer_zip_code_prefix", "trimmed"): 1,
        ("customer_zip_code_prefix", "emptied"): 1,
    }


def records(table: Table, part: tuple[tuple[str, ...], bytes]) -> list[dict[str, str]]:
    """The well-formed records in a part of a file."""
    found = split_records(part[1], last=True)
    spans = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
    read = [read_record(part[0], part[1][a:b], i in found.malformed) for i, (a, b) in enumerate(spans)]
    return [dict(record) for record in read if not isinstance(record, list)]


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=True))
def test_canonical_texts_are_accepted_unchanged(
    kitchen: Dataset, csv_part: Callable[[Random, Table], Any], random: Random
) -> None:
    for table in (*kitchen.tables.values(), OLIST.table("orders"), OLIST.table("order_reviews")):
        for record in records(table, csv_part(random, table)):
            texts = validate(table, record, Counter())
            if isinstance(texts, list):
                continue
            again: Cleanings = Counter()
            canonical = {
                name: text for name, text in zip(table.column_names, texts, strict=True) if text is not None
            }
            assert validate(table, canonical, again) == texts
            assert not again


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none(), max_size=1)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_record_is_either_a_row_or_rejected_with_a_reason(kitchen: Dataset, data: st.DataObject) -> None:
    table = kitchen.table("everything")
    record = data.draw(st.dictionaries(st.sampled_from([*table.column_names, "other"]), JSON))
    found = validate(table, record, Counter())
    assert found
    assert all(isinstance(v, Violation) and v.code for v in found) or len(found) == len(table.columns)


VALUES = st.lists(
    st.none() | st.text(st.sampled_from('ab ,"()\\\n\r\t\v.Nç'), max_size=5), min_size=1, max_size=4
)


@settings(max_examples=200, deadline=None)
@given(VALUES, VALUES)
def test_different_rows_have_different_texts(left: list[str | None], right: list[str | None]) -> None:
    assert (row_text(left) == row_text(right)) == (left == right)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_copy_line_is_read_with_equal_values(values: list[str | None]) -> None:
    line = copy_line(values)
    assert [f.decode() for f in parse_fields(line.encode()) or ()] == [value or "" for value in values]
    quoted = [value is not None and value == "" for value in values]
    assert [part == '""' for part in line.split(",")] == quoted or "," in "".join(v or "" for v in values)


def test_sum_of_hashes_wraps_around() -> None:
    numbers = [row_hash(row_text([str(n), None, ""])) for n in range(100)]
    assert all(-(2**63) <= number < 2**63 for number in numbers)
    assert len(set(numbers)) == 100
    assert content_hash(sum(numbers)) == content_hash(sum(n % 2**64 for n in numbers))
    assert content_hash(0) == "0" * 16


def test_row_hash_of_a_known_row_is_constant() -> None:
    # Manifests and reports are stored for years. PostgreSQL computes the same for ROW('a', NULL, 'b c')::text.
    assert row_text(["a", None, "b c"]) == '(a,,"b c")'
    assert row_hash('(a,,"b c")') == 0xF8FAA5399949A02D - 2**64


@given(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(0, 38))
def test_text_of_a_number_has_all_its_digits(unscaled: int, scale: int) -> None:
    """Python's decimal arithmetic has 28 digits by default."""
    sign, digits = "-" if unscaled < 0 else "", f"{abs(unscaled):0{scale + 1}}"
    text = Numeric(38, scale).text(Decimal(f"{unscaled}E-{scale}"))
    assert (
        text == f"{sign}{digits[: len(digits) - scale]}{'.' if scale else ''}{digits[len(digits) - scale :]}"
    )
