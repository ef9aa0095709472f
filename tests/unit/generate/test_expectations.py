"""An oracle that reads only the files agrees with the generator's expectations."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.generate import Expected, generate

Judgement = tuple[dict[str, object], set[str]]
Rule = Callable[[str], tuple[object, str | None]]
FIELD = re.compile(rb'"((?:[^"]|"")*)"([^,\r\n]*)|([^,\r\n]*)')


def pattern(expression: str, case: Callable[[str], str] = str) -> Rule:
    def rule(text: str) -> tuple[object, str | None]:
        return case(text), None if re.fullmatch(expression, case(text)) else "string_pattern_mismatch"

    return rule


def one_of(words: str) -> Rule:
    return lambda text: (text, None if text in words.split() else "literal_error")


def number(parse: Callable[[str], object], failure: str, low: int, high: int | None = None) -> Rule:
    def rule(text: str) -> tuple[object, str | None]:
        try:
            value = parse(text)
        except (ValueError, InvalidOperation):
            return None, failure
        if isinstance(value, Decimal) and value != round(value, 2):
            return None, "decimal_max_places"
        if float(str(value)) < low:
            return None, "greater_than_equal"
        return value, "less_than_equal" if high is not None and float(str(value)) > high else None

    return rule


def moment(text: str) -> tuple[object, str | None]:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None, "datetime_parsing"
    return value, None if value.tzinfo is None else "timezone_naive"


# Per table in load order: its file, its key, and its parents, to which columns like order_id refer.
TABLES = {
    table: (f"{file}.csv", key.split(","), {f"{parent[:-1]}_id": parent for parent in parents})
    for table, file, key, *parents in map(
        str.split,
        """
category_translations product_category_name_translation product_category_name
customers olist_customers_dataset customer_id
sellers olist_sellers_dataset seller_id
geolocations olist_geolocation_dataset none
products olist_products_dataset product_id
orders olist_orders_dataset order_id customers
order_items olist_order_items_dataset order_id,order_item_id orders products sellers
order_payments olist_order_payments_dataset order_id,payment_sequential orders
order_reviews olist_order_reviews_dataset review_id,order_id orders
""".strip().splitlines(),
    )
}
RULES: list[tuple[str, Rule]] = [
    (r"order_item_id|payment_sequential", number(int, "int_parsing", 1)),
    (r".*_id", pattern("[0-9a-f]{32}")),
    (r".*_zip_code_prefix", pattern("[0-9]{5}")),
    (r".*_state", pattern("[A-Z]{2}", str.upper)),
    (r"order_status", one_of("created approved invoiced processing shipped delivered unavailable canceled")),
    (r"payment_type", one_of("credit_card boleto voucher debit_card not_defined")),
    (r"price|freight_value|payment_value", number(Decimal, "decimal_parsing", 0)),
    (r"review_score", number(int, "int_parsing", 1, 5)),
    (r"geolocation_lat", number(float, "float_parsing", -90, 90)),
    (r"geolocation_lng", number(float, "float_parsing", -180, 180)),
    (r".*_date|.*_timestamp|order_approved_at", moment),
    (r"payment_installments|product_.*_(lenght|qty|g|cm)", number(int, "int_parsing", 0)),
    (r".*", lambda text: (text, None)),
]
OPTIONAL = (
    "product_category_name|product_.*_(lenght|qty|g|cm)|review_comment_.*"
    "|order_approved_at|order_delivered_(carrier|customer)_date"
)
CODES = """csv_quote field_count string_unicode missing string_pattern_mismatch literal_error int_parsing
decimal_parsing decimal_max_places float_parsing datetime_parsing timezone_naive greater_than_equal
less_than_equal foreign_key conflict"""


def records(data: bytes) -> Iterator[tuple[bytes, bool, int]]:
    """Each record without its line end, whether it has a misplaced quote, and its number of fields."""
    place = 0
    while place < len(data):
        start, stray, fields = place, False, 0
        while True:
            match = FIELD.match(data, place)
            assert match
            quoted, tail, plain = match.groups()
            stray = stray or bool(tail) or (quoted is None and b'"' in plain)
            fields, place = fields + 1, match.end() + 1
            if data[match.end() : place] != b",":
                break
        record = data[start : match.end()]
        place += data[match.end() : place + 1] == b"\r\n"
        if record:
            yield record, stray, fields


def validate(table: str, header: list[str], record: bytes, stray: bool, fields: int) -> Judgement:
    """The typed row, and the codes of its own violations."""
    if stray or fields != len(header):
        return {}, {"csv_quote" if stray else "field_count"}
    try:
        cells = next(csv.reader(io.StringIO(record.decode(), newline=""), strict=True))
    except UnicodeDecodeError:
        return {}, {"string_unicode"}
    row, codes = {}, set()
    for column, cell in zip(header, cells, strict=True):
        text = cell if column.startswith("review_comment") else cell.strip()
        rule = next(rule for expression, rule in RULES if re.fullmatch(expression, column))
        row[column], code = rule(text) if text else (None, "missing")
        needed = table == "category_translations" or not re.fullmatch(OPTIONAL, column)
        if code and (text or needed):
            codes.add(code)
    return row, codes


def results(folder: Path) -> dict[str, Counter[str]]:
    """Per table the counts of read, loaded, deduplicated and rejected rows and of each code."""
    accepted: dict[str, set[object]] = {}
    return {table: count_table(folder, table, accepted) for table in TABLES}


def count_table(folder: Path, table: str, accepted: dict[str, set[object]]) -> Counter[str]:
    file, key, parents = TABLES[table]
    count, seen, keys = Counter[str](), set(), accepted.setdefault(table, set())
    (first, _, _), *rest = records((folder / file).read_bytes().removeprefix(b"\xef\xbb\xbf"))
    header = first.decode().split(",")
    for record, stray, fields in rest:
        row, codes = validate(table, header, record, stray, fields)
        values = tuple(row.values())
        if not codes and values in seen:
            count.update(["read", "deduplicated"])
            continue
        row_key: object = tuple(row.get(column) for column in key) if key != ["none"] else values
        if not codes:
            seen.add(values)
            lone = any((row[column],) not in accepted[parent] for column, parent in parents.items())
            codes = {"foreign_key"} if lone else {"conflict"} if row_key in keys else set()
        if not codes:
            keys.add(row_key)
        count.update(["read", "rejected" if codes else "loaded", *codes])
    return count


def agreed(orders: int, seed: int, dirty: float) -> Expected:
    """The generator's expectations, after the oracle has confirmed them."""
    with TemporaryDirectory() as folder:
        expected = generate(folder, orders, seed, dirty)
        found = results(Path(folder))
        assert json.loads((Path(folder) / "expected.json").read_text()) == asdict(expected)
    for table, count in expected.tables.items():
        sums = {name: getattr(count, name) for name in ("read", "loaded", "deduplicated", "rejected")}
        assert found[table] == Counter(sums | count.codes), table
    return expected


@pytest.mark.parametrize("seed", [1, 7])
@pytest.mark.parametrize("dirty", [0.02, 0.3])
def test_oracle_agrees_with_the_expected_results(seed: int, dirty: float) -> None:
    agreed(400, seed, dirty)


@settings(max_examples=30, deadline=None)
@given(orders=st.integers(0, 60), seed=st.integers(0, 2**40), dirty=st.floats(0, 1))
def test_oracle_agrees_for_any_arguments(orders: int, seed: int, dirty: float) -> None:
    agreed(orders, seed, dirty)


def test_clean_data_has_no_rejection() -> None:
    tables = agreed(500, 3, 0.0).tables.values()
    assert not any(table.rejected or table.codes or table.kinds for table in tables)


def test_every_code_occurs_when_the_size_allows() -> None:
    tables = agreed(2000, 7, 0.02).tables.values()
    assert {code for table in tables for code in table.codes} == set(CODES.split())
