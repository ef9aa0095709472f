"""A batch for a table with row security is refused as a whole, with an error that names the table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api


@pytest.fixture(autouse=True)
def secured(api: Api) -> Iterator[None]:
    api.database.query("ALTER TABLE olist.customers ENABLE ROW LEVEL SECURITY")
    yield
    api.database.query("ALTER TABLE olist.customers DISABLE ROW LEVEL SECURITY")


@pytest.mark.usefixtures("nothing_changes")
@pytest.mark.parametrize("table", ["customers", "orders"])
@pytest.mark.parametrize("rule", ["reject", "update", "ignore"])
def test_ingestion_refuses_table_and_parent_with_row_security(
    api: Api, sample: Callable[..., dict[str, Any]], table: str, rule: str
) -> None:
    body = json.dumps({"records": [sample("sellers"), sample(table)], "on_conflict": rule})
    problem = api.send(body, idempotency_key="key").problem(409, "row-security")
    assert "olist.customers" in problem["detail"]


def test_ingestion_into_other_tables_succeeds(api: Api, sample: Callable[..., dict[str, Any]]) -> None:
    assert api.send(json.dumps({"records": [sample("sellers")]})).statuses == ["inserted"]
