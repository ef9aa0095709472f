"""Delivery refuses rows and counts of tables with row security."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.deliver.conftest import Api


@pytest.fixture(autouse=True)
def secured(delivered: Database) -> Iterator[None]:
    delivered.query(
        "INSERT INTO olist.sellers VALUES (md5('1'), '01037', 'rio', 'RJ') ON CONFLICT DO NOTHING;"
        "ALTER TABLE olist.sellers ENABLE ROW LEVEL SECURITY"
    )
    yield
    delivered.query("ALTER TABLE olist.sellers DISABLE ROW LEVEL SECURITY")


@pytest.mark.parametrize("path", ["tables", "tables/sellers", "tables/sellers/records"])
def test_delivery_refuses_table_with_row_security(api: Api, path: str) -> None:
    assert "olist.sellers" in api.get(path).problem(409, "row-security")["detail"]


def test_other_tables_are_delivered(api: Api) -> None:
    assert api.records("customers").rows == []
    assert api.get("tables/customers").json["row_count_exact"]


@pytest.mark.parametrize("path", ["tables", "tables/customers", "tables/customers/records"])
def test_error_for_a_missing_privilege_names_the_table(api: Api, delivered: Database, path: str) -> None:
    delivered.query(
        "ALTER TABLE olist.sellers DISABLE ROW LEVEL SECURITY; REVOKE SELECT ON olist.customers FROM dataforge_deliver"
    )
    try:
        problem = api.get(path).problem(409, "table-changed")
    finally:
        delivered.query("GRANT SELECT ON olist.customers TO dataforge_deliver")
    assert problem["detail"].startswith("olist.customers ")
