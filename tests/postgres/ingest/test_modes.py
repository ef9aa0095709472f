"""The modes atomic and dry_run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dataforge.tables.datasets import DATASETS

if TYPE_CHECKING:
    from tests.postgres.ingest.conftest import Api

Sample = Callable[..., dict[str, Any]]
TABLES = list(DATASETS["olist"].tables)


def test_atomic_batch_stores_all_or_nothing(api: Api, sample: Sample) -> None:
    good = [sample("customers"), sample("orders")]
    assert api.post(*good, mode="atomic").statuses == ["inserted", "inserted"]
    reply = api.post(
        sample("customers", 2), sample("orders", 3), sample("sellers", seller_state="?"), mode="atomic"
    )
    assert reply.status == 422
    assert reply.statuses == ["rejected"] * 3
    assert reply.codes == [["not_atomic"], ["foreign_key"], ["string_pattern_mismatch"]]
    assert reply.json["results"][0]["errors"][0]["pointer"] == "/records/0"
    assert (api.count("olist.customers"), api.count("olist.orders")) == (1, 1)
    assert reply.counts == {"received": 3, "rejected": 3}
    assert api.count("dataforge.rejections") == 3


def test_dry_run_returns_all_results_and_stores_nothing(api: Api, sample: Sample) -> None:
    api.post(sample("customers"))
    reply = api.post(
        sample("customers", 2),
        sample("orders", 2),
        sample("orders", 3),
        sample("customers", customer_city="campinas"),
        sample("customers"),
        mode="dry_run",
        idempotency_key="dry",
    )
    assert reply.status == 207
    assert reply.statuses == ["valid", "valid", "rejected", "rejected", "valid"]
    assert reply.codes[2:4] == [["foreign_key"], ["conflict"]]
    assert reply.counts == {"received": 5, "valid": 3, "rejected": 2}
    stored = [api.count(f"olist.{t}") for t in ("customers", "orders")]
    assert stored == [1, 0]
    assert (api.count("dataforge.rejections"), api.count("dataforge.batches")) == (0, 0)
