"""A run in which tables are known has the outcome of one that loads everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.postgres.recycling import empty

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

MakeCsv = Callable[..., bytes]
TABLES = ["customers", "sellers", "orders"]
FACTS = 'SELECT "table", read, accepted, rejected, rules FROM dataforge.quality_facts ORDER BY 1, 2, 3, 4, 5::text'

CUSTOMERS = st.lists(
    st.fixed_dictionaries({"customer_id": st.integers(1, 6), "customer_city": st.sampled_from("ab")}),
    max_size=8,
)
ORDERS = st.lists(
    st.fixed_dictionaries({"order_id": st.integers(1, 5), "customer_id": st.integers(1, 7)}), max_size=5
)
SELLERS = st.lists(st.fixed_dictionaries({"seller_id": st.integers(1, 3)}), max_size=3)
FILES = st.dictionaries(st.sampled_from(TABLES), st.integers(0, 2), max_size=2)
WRITES = st.sampled_from(
    [
        "SELECT",
        "SELECT",
        "UPDATE olist.customers SET customer_city = 'c' WHERE right(customer_id, 1) = '1'",
        "DELETE FROM olist.orders; DELETE FROM olist.customers WHERE right(customer_id, 1) = '2'",
        "DELETE FROM olist.orders WHERE right(order_id, 1) = '1'",
        "INSERT INTO olist.sellers SELECT lpad('9', 32, '0'), '01037', 'a', 'SP' ON CONFLICT DO NOTHING",
        "TRUNCATE olist.sellers CASCADE",
    ]
)
RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "files": FILES,
            "write": WRITES,
            "before": st.sampled_from(["begin", "begin", "settle", "publish"]),
            "on_conflict": st.sampled_from(["reject", "update"]),
        }
    ),
    min_size=2,
    max_size=5,
)


def outcome(forge: Forge, order: dict[str, Any], *, may_know: bool, injected: bool = True) -> dict[str, Any]:
    """Run the migration. Returns the figures of its report and the stored rows.

    ``injected``: the write is made during the run, else after it.
    """
    document = {"tables": TABLES, "quality_threshold": 0, "on_conflict": order["on_conflict"]}
    run = forge.migration(document, chunk_bytes=128)
    run.may_know = may_know
    write = {order["before"]: lambda: forge.database.query(order["write"])}
    run.run(**write if injected else {})
    if not injected:
        forge.database.query(order["write"])
    report = forge.read_json(f"runs/{run.id}/report.json")
    return {
        "known": report["mode"] == "known",
        "tables": report["tables"],
        "files": [file | {"etag": ""} for file in report["files"]],
        "quality": report["quality"],
        "rows": {name: forge.rows(name) for name in TABLES},
        "rejections": forge.rejections("table", "codes", "raw", "line", "file"),
        "facts": forge.database.query(FACTS),
    }


@pytest.fixture
def forges(another_forge: Callable[[], Forge]) -> tuple[Forge, Forge]:
    return another_forge(), another_forge()


@pytest.mark.slow
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(
    contents=st.fixed_dictionaries(
        {
            name: st.lists(rows, min_size=3, max_size=3)
            for name, rows in zip(TABLES, (CUSTOMERS, SELLERS, ORDERS), strict=True)
        }
    ),
    runs=RUNS,
)
def test_known_tables_change_no_outcome(
    forges: tuple[Forge, Forge],
    make_csv: MakeCsv,
    contents: dict[str, Any],
    runs: list[dict[str, Any]],
) -> None:
    knowing, loading = forges
    for forge in forges:
        empty(forge.database.superuser().cursor())
    chosen = dict.fromkeys(TABLES, 0)
    for order in [{"files": {}, "write": "SELECT", "before": "begin", "on_conflict": "reject"}, *runs]:
        chosen |= order["files"]
        knowing.put(**{name: make_csv(name, *contents[name][number]) for name, number in chosen.items()})
        found = outcome(knowing, order, may_know=True)
        # A run of which all tables are known has the result as of its proof: a later write is later than the run.
        later = found["known"] and order["before"] != "begin"
        assert found | {"known": False} == outcome(loading, order, may_know=False, injected=not later)
