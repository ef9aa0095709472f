"""A published run stores one quality fact per table; other runs store none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import QualityTooLow

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
FACTS = 'SELECT source, source_id, dataset, "table", read, accepted, rejected, rules FROM dataforge.quality_facts ORDER BY 4'


@pytest.fixture
def files(make_csv: MakeCsv) -> dict[str, bytes]:
    """Five customers, one with two invalid columns and one with too few fields; two orders, one of them an orphan."""
    rows: list[dict[str, Any]] = [{"customer_id": n} for n in (1, 2, 3)]
    rows.append({"customer_id": "bad", "customer_state": "bad"})
    orders = [{"order_id": n, "customer_id": n} for n in (1, 9)]
    return {"customers": make_csv("customers", *rows) + b"x,y\n", "orders": make_csv("orders", *orders)}


def test_published_run_stores_one_fact_per_table(forge: Forge, files: dict[str, bytes]) -> None:
    forge.put(**files)
    run = forge.migration({"tables": ["customers", "orders", "sellers"], "quality_threshold": 0})
    forge.put(sellers=b"seller_id,seller_zip_code_prefix,seller_city,seller_state\n")
    run.run()
    run.publish()
    pattern = {"string_pattern_mismatch": 1}
    rules = {"customer_id": pattern, "customer_state": pattern, "": {"field_count": 1}}
    assert forge.database.query(FACTS) == [
        ("migration", run.id, "olist", "customers", 5, 3, 2, rules),
        ("migration", run.id, "olist", "orders", 2, 1, 1, {"customer_id": {"foreign_key": 1}}),
    ]


def test_unpublished_run_stores_no_fact(forge: Forge, files: dict[str, bytes]) -> None:
    forge.put(**files)
    with pytest.raises(QualityTooLow):
        forge.migrate(tables=["customers", "orders"])
    assert forge.database.query(FACTS) == []


def test_run_resolved_again_stores_facts_of_last_resolution(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", {"customer_city": "a"}))
    insert = f"INSERT INTO olist.customers VALUES ('{1:032x}', '{1:032x}', '01037', 'mine', 'SP')"
    run = forge.migration({"tables": ["customers"], "quality_threshold": 0})
    run.run(publish=lambda: forge.database.query(insert))
    assert forge.database.query(FACTS) == [
        ("migration", run.id, "olist", "customers", 1, 0, 1, {"": {"conflict": 1}})
    ]
