"""Docstrings of drafted classes: the name of what one row is."""

from __future__ import annotations

import pytest

from dataforge import Csv, Integer
from discovery.drafts import ColumnDraft, TableDraft
from discovery.types.declared import Declared
from discovery.written.docstrings import of_table


@pytest.mark.parametrize(
    ("table", "columns", "key", "thing"),
    [
        ("orders", ["order_id", "total"], ["order_id"], "order"),
        ("planes", ["tailnum", "seats"], ["tailnum"], "plane"),
        ("deriv", ["a", "text"], ["a"], "deriv"),
        ("calendar", ["service_id", "monday"], ["service_id"], "service"),
        ("seasons", ["year", "url"], ["year"], "year"),
        ("qualifying", ["qualify_id", "q1"], ["qualify_id"], "qualifying"),
        ("part", ["p_partkey", "p_name", "p_size"], ["p_partkey"], "part"),
        ("address", ["ca_address_sk", "ca_city", "ca_zip"], ["ca_address_sk"], "address"),
        (
            "sales",
            ["ss_item_sk", "ss_ticket_number", "ss_price"],
            ["ss_item_sk", "ss_ticket_number"],
            "item and ticket",
        ),
        (
            "lines",
            ["order_id", "order_line", "order_text"],
            ["order_id", "order_line"],
            "order and order line",
        ),
    ],
)
def test_docstring_names_what_a_row_is(table: str, columns: list[str], key: list[str], thing: str) -> None:
    drafted = TableDraft(
        name=table,
        file=f"{table}.csv",
        paths=(f"{table}.csv",),
        format=Csv(),
        rows=2,
        columns=tuple(ColumnDraft(c, c, Declared("Integer", Integer), nullable=False) for c in columns),
        key=tuple(key),
    )
    assert f"One row for each {thing}: 2 rows" in of_table(drafted)
