"""docs/scale.md compared with the simulation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.scale.model import CONSTANTS, FUNCTION_SECONDS, Plan, rates, simulate
from bench.scale.tables import PLANS, limits, one_day, plans, replays, sources
from bench.scale.weekly import FILLED, Week, simulate_week
from bench.scale.weekly_tables import FILLED_PLANS, locks, weeks
from infra.settings import DEFAULTS, Settings
from local.config import ROOT

DOC = (ROOT / "docs" / "scale.md").read_text()


@pytest.mark.parametrize(
    "table",
    [plans(), limits(), one_day(), sources(), replays(), weeks(), locks()],
    ids=["plans", "limits", "one day", "sources", "replays", "weeks", "locks"],
)
def test_page_has_the_tables_of_the_simulation(table: str) -> None:
    assert table in DOC, "run `python -m bench.scale --write`"


def test_page_lists_the_constants() -> None:
    for text in (CONSTANTS.measured, f"{CONSTANTS.stored} MB of table", f"{CONSTANTS.wal} MB of WAL"):
        assert text in DOC
    assert f"{CONSTANTS.item_bytes} bytes a chunk" in DOC


def test_default_plans_have_the_default_settings() -> None:
    prod = DEFAULTS["prod"]
    for plan in PLANS[:2]:
        assert plan.database.name == f"db.{prod['instanceClass']}"
        assert plan.concurrency == prod["loadConcurrency"]
        assert plan.chunk == Settings.model_fields["chunk_megabytes"].default


@pytest.mark.parametrize("plan", PLANS, ids=[plan.name for plan in PLANS])
def test_load_on_each_component_is_within_its_limit(plan: Plan) -> None:
    result = simulate(plan, CONSTANTS)
    assert all(result.rate <= possible for possible in rates(plan, CONSTANTS).values())
    assert rates(plan, CONSTANTS)[result.bound_by] == result.rate
    assert result.chunks * plan.chunk >= plan.gigabytes * 1024
    assert plan.concurrency < plan.database.connections
    assert result.load * plan.concurrency / result.chunks < FUNCTION_SECONDS


def test_more_workers_cost_more_and_are_not_faster_when_the_database_is_the_limit() -> None:
    usual = PLANS[0]
    more = simulate(replace(usual, concurrency=4 * usual.concurrency), CONSTANTS)
    assert more.load == simulate(usual, CONSTANTS).load
    assert more.functions > simulate(usual, CONSTANTS).functions


def test_ten_times_the_data_takes_at_least_ten_times_as_long() -> None:
    small, large = (simulate(replace(PLANS[0], gigabytes=size), CONSTANTS) for size in (10, 100))
    assert large.load == pytest.approx(10 * small.load)
    assert large.settle > 9.99 * small.settle


@pytest.mark.parametrize("plan", FILLED_PLANS, ids=[plan.name for plan in FILLED_PLANS])
def test_rows_sent_again_take_longer_to_resolve_and_write_no_more_wal(plan: Plan) -> None:
    few, again = (simulate_week(plan, Week("", sent, 0.01)) for sent in (0.01, 1.01))
    assert again.resolve > few.resolve
    assert again.wal_gigabytes == few.wal_gigabytes


def test_single_pages_are_not_awaited_if_the_memory_holds_the_tables() -> None:
    small, large = (replace(FILLED_PLANS[0], gigabytes=size) for size in (1, 10))
    near = replace(FILLED, far_pages=0.0)
    week = Week("", 0.01, 0.01)
    assert simulate_week(small, week).publish < simulate_week(large, week).publish / 10
    assert simulate_week(large, week, near).publish < simulate_week(large, week).publish


def test_page_quotes_the_constants_of_filled_tables() -> None:
    rows = CONSTANTS.rows / CONSTANTS.megabytes
    assert f"is {1e6 * FILLED.insert_seconds / rows:.0f} µs a row" in DOC
    assert f"reads {FILLED.far_pages:.1f} such pages" in DOC
    assert f"takes {FILLED.rebuild_seconds:.3f} s per MB" in DOC
    assert FILLED.measured in DOC
