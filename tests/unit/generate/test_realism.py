"""Properties of the original data that the clean generated data reproduces."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from local.generate import generate
from local.generate.tables import TABLES

Rows = list[dict[str, str]]
ORDERS = 3000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("realism")
    generate(folder, ORDERS, 21)
    return folder


@pytest.fixture(scope="module")
def data(folder: Path) -> dict[str, Rows]:
    def rows(file: str) -> Rows:
        with (folder / file).open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines, strict=True))

    return {table.name: rows(table.file) for table in TABLES}


def share(rows: Rows, column: str) -> float:
    """The share of rows in which the column is filled."""
    return sum(bool(row[column]) for row in rows) / len(rows)


def test_files_have_kaggles_names_and_headers(folder: Path) -> None:
    headers = {path.name: path.read_text("utf-8-sig").splitlines()[0] for path in folder.glob("*.csv")}
    assert headers == {
        "product_category_name_translation.csv": "product_category_name,product_category_name_english",
        "olist_customers_dataset.csv": "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city"
        ",customer_state",
        "olist_sellers_dataset.csv": "seller_id,seller_zip_code_prefix,seller_city,seller_state",
        "olist_geolocation_dataset.csv": "geolocation_zip_code_prefix,geolocation_lat,geolocation_lng"
        ",geolocation_city,geolocation_state",
        "olist_products_dataset.csv": "product_id,product_category_name,product_name_lenght"
        ",product_description_lenght,product_photos_qty,product_weight_g,product_length_cm,product_height_cm"
        ",product_width_cm",
        "olist_orders_dataset.csv": "order_id,customer_id,order_status,order_purchase_timestamp"
        ",order_approved_at,order_delivered_carrier_date,order_delivered_customer_date"
        ",order_estimated_delivery_date",
        "olist_order_items_dataset.csv": "order_id,order_item_id,product_id,seller_id,shipping_limit_date"
        ",price,freight_value",
        "olist_order_payments_dataset.csv": "order_id,payment_sequential,payment_type,payment_installments"
        ",payment_value",
        "olist_order_reviews_dataset.csv": "review_id,order_id,review_score,review_comment_title"
        ",review_comment_message,review_creation_date,review_answer_timestamp",
    }


def test_only_the_translations_have_a_bom_and_crlf(folder: Path) -> None:
    marked = {path.name for path in folder.glob("*.csv") if path.read_bytes().startswith(b"\xef\xbb\xbf")}
    ended = {path.name for path in folder.glob("*.csv") if path.read_bytes().endswith(b"\r\n")}
    assert marked == ended == {"product_category_name_translation.csv"}


def test_categories_are_skewed_and_some_are_missing_or_untranslated(data: dict[str, Rows]) -> None:
    sold = Counter(row["product_category_name"] for row in data["products"])
    translated = {row["product_category_name"] for row in data["category_translations"]}
    assert 0.01 < sold.pop("") / len(data["products"]) < 0.03
    assert 0 < sum(sold[name] for name in set(sold) - translated) < 20
    assert sum(count for _, count in sold.most_common(10)) > 0.4 * sold.total()
    assert any(row["product_category_name"] and not row["product_weight_g"] for row in data["products"])


def test_few_products_have_most_sales(data: dict[str, Rows]) -> None:
    sales = Counter(row["product_id"] for row in data["order_items"])
    assert sales.most_common(1)[0][1] > 5
    assert len(sales) > 0.9 * len(data["products"])


def test_orders_increase_over_two_years_and_are_mostly_placed_by_day(data: dict[str, Rows]) -> None:
    bought = sorted(row["order_purchase_timestamp"] for row in data["orders"])
    assert "2016-09-04" <= bought[0] < "2017-02"
    assert "2018-08-25" < bought[-1] < "2018-10-18"
    first, second = (sum(text.startswith(year) for text in bought) for year in ("2017-0", "2018-0"))
    assert second > 1.5 * first
    assert sum("10" <= text[11:13] < "23" for text in bought) > 0.7 * ORDERS


def test_dates_of_events_that_did_not_happen_are_empty(data: dict[str, Rows]) -> None:
    assert 0.95 < sum(row["order_status"] == "delivered" for row in data["orders"]) / ORDERS < 0.99
    for row in data["orders"]:
        if row["order_status"] in ("shipped", "canceled", "unavailable", "invoiced", "processing"):
            assert not row["order_delivered_customer_date"]
    assert {"canceled", "shipped", "unavailable"} <= {row["order_status"] for row in data["orders"]}
    assert any(
        row["order_delivered_carrier_date"] and row["order_delivered_carrier_date"] < row["order_approved_at"]
        for row in data["orders"]
    )


def test_orders_have_items_and_payments_that_add_up(data: dict[str, Rows]) -> None:
    def cents(text: str) -> int:
        return int(text.replace(".", ""))

    owed, paid = Counter[str](), Counter[str]()
    for row in data["order_items"]:
        owed[row["order_id"]] += cents(row["price"]) + cents(row["freight_value"])
    for row in data["order_payments"]:
        paid[row["order_id"]] += cents(row["payment_value"])
    assert all(paid[order] == total for order, total in owed.items())
    assert 0.97 * ORDERS < len(owed) < ORDERS
    for table, column in (("order_items", "order_item_id"), ("order_payments", "payment_sequential")):
        assert max(int(row[column]) for row in data[table]) >= 4


def test_reviews_are_portuguese_quoted_and_broken_into_lines(data: dict[str, Rows]) -> None:
    reviews = data["order_reviews"]
    messages = [row["review_comment_message"] for row in reviews]
    assert len({row["order_id"] for row in reviews}) == pytest.approx(0.99 * ORDERS, abs=5)
    assert 0.35 < share(reviews, "review_comment_message") < 0.5
    assert 0.08 < share(reviews, "review_comment_title") < 0.16
    for sign in ("ã", "ç", "é", '"', ",", "\n", "\r\n"):
        assert any(sign in message for message in messages), repr(sign)


def test_some_reviews_belong_to_two_orders(data: dict[str, Rows]) -> None:
    shared = {
        key for key, count in Counter(row["review_id"] for row in data["order_reviews"]).items() if count > 1
    }
    pairs = Counter((row["review_id"], row["order_id"]) for row in data["order_reviews"])
    assert 15 < len(shared) < 35
    assert max(pairs.values()) == 1


def test_zip_prefixes_keep_leading_zeros_and_fit_their_states(data: dict[str, Rows]) -> None:
    prefixes = [row["customer_zip_code_prefix"] for row in data["customers"]]
    assert all(re.fullmatch("[0-9]{5}", prefix) for prefix in prefixes)
    assert sum(prefix.startswith("0") for prefix in prefixes) > 0.1 * ORDERS
    assert {
        row["customer_state"] for row in data["customers"] if row["customer_zip_code_prefix"] < "20000"
    } == {"SP"}
    known = {row["geolocation_zip_code_prefix"] for row in data["geolocations"]}
    assert sum(prefix in known for prefix in prefixes) > 0.9 * ORDERS


def test_one_seventh_of_the_geolocations_are_exact_duplicates(data: dict[str, Rows]) -> None:
    points = [tuple(row.values()) for row in data["geolocations"]]
    assert 1 - len(set(points)) / len(points) == pytest.approx(0.143, abs=0.001)


def test_coordinates_are_doubles_in_their_shortest_text(data: dict[str, Rows]) -> None:
    texts = [row[column] for row in data["geolocations"] for column in ("geolocation_lat", "geolocation_lng")]
    assert all(repr(float(text)) == text for text in texts)
    assert sum(len(text) >= 17 for text in texts) > 0.95 * len(texts)


def test_some_cities_are_spelled_oddly(data: dict[str, Rows]) -> None:
    cities = {row["seller_city"] for row in data["sellers"]}
    assert any(re.search(r"[0-9,/\\(-]", city) for city in cities)
    assert {"são paulo", "sao paulo"} <= {row["geolocation_city"] for row in data["geolocations"]}
