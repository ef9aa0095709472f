"""docs/scale.md says what the simulation says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.scale.model import CONSTANTS, FUNCTION_SECONDS, Plan, rates, simulate
from bench.scale.tables import PLANS, limits, plans, quarter_hour, replays, sources
from infra.settings import DEFAULTS, Settings
from local.config import ROOT

DOC = (ROOT / "docs" / "scale.md").read_text()


@pytest.mark.parametrize(
    "table",
    [plans(), limits(), quarter_hour(), sources(), replays()],
    ids=["plans", "limits", "15 minutes", "sources", "replays"],
)
def test_the_page_shows_the_simulations_tables(table: str) -> None:
    assert table in DOC, "run `python -m bench.scale` and put its tables into docs/scale.md"


def test_the_page_names_the_constants() -> None:
    for text in (CONSTANTS.measured, f"{CONSTANTS.stored} MB of table", f"{CONSTANTS.wal} MB of WAL"):
        assert text in DOC
    assert f"{CONSTANTS.item_bytes} bytes a chunk" in DOC


def test_the_default_plans_are_the_defaults() -> None:
    prod = DEFAULTS["prod"]
    for plan in PLANS[:2]:
        assert plan.database.name == f"db.{prod['instanceClass']}"
        assert plan.concurrency == prod["loadConcurrency"]
        assert plan.chunk == Settings.model_fields["chunk_megabytes"].default


@pytest.mark.parametrize("plan", PLANS, ids=[plan.name for plan in PLANS])
def test_no_part_is_asked_for_more_than_it_can(plan: Plan) -> None:
    result = simulate(plan, CONSTANTS)
    assert all(result.rate <= possible for possible in rates(plan, CONSTANTS).values())
    assert rates(plan, CONSTANTS)[result.bound_by] == result.rate
    assert result.chunks * plan.chunk >= plan.gigabytes * 1024
    assert plan.concurrency < plan.database.connections
    assert result.load * plan.concurrency / result.chunks < FUNCTION_SECONDS


def test_more_workers_are_no_faster_once_the_database_binds_and_cost_more() -> None:
    usual = PLANS[0]
    more = simulate(replace(usual, concurrency=4 * usual.concurrency), CONSTANTS)
    assert more.load == simulate(usual, CONSTANTS).load
    assert more.functions > simulate(usual, CONSTANTS).functions


def test_ten_times_the_data_takes_at_least_ten_times_as_long() -> None:
    small, large = (simulate(replace(PLANS[0], gigabytes=size), CONSTANTS) for size in (10, 100))
    assert large.load == pytest.approx(10 * small.load)
    assert large.settle > 9.99 * small.settle
