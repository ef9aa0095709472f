"""Words of names as evidence for keys and references."""

from __future__ import annotations

import pytest

from discovery.drafts import column_name
from discovery.structure.table_names import TableNames
from discovery.structure.words import singular, words

NAMES = TableNames(("customers", "orders", "order_reviews", "employees", "shippers"))


@pytest.mark.parametrize("name", ["orderID", "OrderID", "Order ID", "order_id", "ORDER_ID", "order-id"])
def test_spellings_of_a_name_have_the_same_words(name: str) -> None:
    assert words(name) == ("order", "id")


@pytest.mark.parametrize(
    ("plural", "expected"),
    [("cities", "city"), ("boxes", "box"), ("status", "status"), ("orders", "order"), ("address", "address")],
)
def test_singular_of_english_plurals(plural: str, expected: str) -> None:
    assert singular(plural) == expected


@pytest.mark.parametrize(
    ("column", "table", "identifies"),
    [
        ("customer_id", "customers", True),
        ("customerid", "customers", True),
        ("review_id", "order_reviews", True),
        ("order_id", "order_reviews", False),
        ("name", "customers", False),
    ],
)
def test_column_identifies_the_rows_of_the_table_that_it_names(
    column: str, table: str, identifies: bool
) -> None:
    assert NAMES.identifies(words(column), table) == identifies


def test_nearer_names_of_a_parent_are_stronger_evidence() -> None:
    key = ("customer", "id")
    strengths = [
        NAMES.refers(words(c), "customers", key) for c in ("customer_id", "billing_customer_id", "price")
    ]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[-1] == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [("park.key", "park_key"), ("class", "class_"), ("1st", "c_1st"), ("", "column"), ("schema", "schema_")],
)
def test_headers_become_names_that_a_row_model_can_have(header: str, expected: str) -> None:
    assert column_name(header, set()) == expected


def test_names_are_unique_and_fit_into_an_identifier() -> None:
    first = column_name("é" * 100, set())
    second = column_name("é" * 100, {first})
    assert first != second
    assert max(len(name.encode()) for name in (first, second)) <= 63


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("teamIDwinner", "team_id_winner"),
        ("lgIDloser", "lg_id_loser"),
        ("parentIDs", "parent_ids"),
        ("URLPath", "url_path"),
    ],
)
def test_id_within_a_name_is_a_word(header: str, name: str) -> None:
    assert column_name(header, ()) == name
