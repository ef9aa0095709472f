"""The names of a table's parts: dates, months, numbers and digests distinguish them."""

from __future__ import annotations

import pytest

from discovery.folders.part_names import is_certain, without_part


@pytest.mark.parametrize(
    ("stem", "rest", "certain"),
    [
        ("sales_2023", "sales", True),
        ("sales-2024-01-31", "sales", True),
        ("events20240131", "events", True),
        ("log_20240131T101500Z", "log", True),
        ("data_2024Q1", "data", True),
        ("results_Q2", "results", True),
        ("31.12.2024 prices", "prices", True),
        ("jan_sales", "sales", True),
        ("umsatz_märz", "umsatz", True),
        ("orders_part_2", "orders", True),
        ("export_1of3", "export", True),
        ("orders-00000-of-00012", "orders", True),
        ("part-00001-a1b2c3d4-1111-2222-3333-444455556666-c000", "", True),
        ("orders_2", "orders", False),
        ("orders (1)", "orders", False),
        ("table1", "table", False),
        ("000000_0", "", False),
        ("orders", "orders", True),
        ("marches", "marches", True),
        ("mayor_list", "mayor_list", True),
        ("part_numbers", "part_numbers", True),
    ],
)
def test_rest_of_a_name_is_the_name_of_the_table(stem: str, rest: str, certain: bool) -> None:
    assert (without_part(stem), is_certain(stem)) == (rest, certain)
