"""Progress of a migration: read from the names of objects, shown as bars and lines."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dataforge.runs.progress import LoadedSums, Plan
from dataforge_cli.aws.machines import MIGRATION
from dataforge_cli.output.bars import Bars, Line, line
from dataforge_cli.output.screen import Screen
from dataforge_cli.runs.progress import Progress, TableProgress, as_document, count

PLAN = Plan(
    migration_id="20261122T101500Z-0123abcd",
    dataset="olist",
    bytes={"orders": 1000, "customers": 500, "sellers": 0},
)
CHUNKS = ["plan.json", "orders/0-600-60-2", "orders/1-300-30-1", "customers/2-480-48-0"]


@pytest.fixture(autouse=True)
def no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def test_chunks_add_up_per_table() -> None:
    assert count(PLAN, CHUNKS, loaded=False) == [
        TableProgress("orders", 1000, 900, 90, 3),
        TableProgress("customers", 500, 480, 48, 0),
        TableProgress("sellers", 0, 0, 0, 0),
    ]


def test_resumed_run_counts_the_chunks_loaded_before_it_stopped() -> None:
    plan = PLAN.model_copy(update={"loaded": {"orders": LoadedSums(100, 10, 1)}})
    assert count(plan, CHUNKS[1:2], loaded=False)[0] == TableProgress("orders", 1000, 700, 70, 3)


def test_tables_are_complete_after_the_load_although_a_workers_object_is_missing() -> None:
    for table in count(PLAN, CHUNKS, loaded=True):
        assert table.loaded_bytes == table.bytes


@pytest.mark.parametrize("name", ["orders/x-1-1-1", "orders/1-2-3", "others/0-1-1-1", "orders/0-1-1-1/x", ""])
def test_unknown_names_are_ignored(name: str) -> None:
    assert count(PLAN, [name], loaded=False)[0] == TableProgress("orders", 1000, 0, 0, 0)


def test_bar_does_not_exceed_its_width_for_more_bytes_than_the_file_has() -> None:
    assert count(PLAN, ["orders/0-1200-60-0"], loaded=False)[0].loaded_bytes == 1000


def progress(phase: str = "Load") -> Progress:
    return Progress(phase, PLAN.migration_id, tuple(count(PLAN, CHUNKS, loaded=False)))


def test_line_contains_phase_share_and_rows() -> None:
    assert line(progress()) == "loading: 92% of 3 table(s), 138 rows"
    assert line(progress("Settle")) == MIGRATION.phases["Settle"]


def test_json_has_the_phase_and_the_progress_per_table() -> None:
    document = as_document(progress())
    assert document["phase"] == "Load"
    assert document["tables"][0] == {
        "table": "orders",
        "bytes": 1000,
        "loaded_bytes": 900,
        "read": 90,
        "rejected": 3,
    }


def shown(*stages: Progress, terminal: bool, done: bool = False) -> str:
    screen = Screen()
    screen.err = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with Bars(screen) as bars:
        for stage in stages:
            bars.show(stage)
        if done:
            bars.finish()
    return screen.err.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_terminal_shows_a_bar_per_table() -> None:
    text = shown(progress(), terminal=True)
    for words in ("orders", "90%", "90 rows, 3 rejected", "customers", "96%", "sellers", "loading"):
        assert words in text


def test_log_has_one_line_per_phase_and_the_bars_once() -> None:
    text = shown(Progress("Plan", "", ()), progress(), progress(), progress("Settle"), terminal=False)
    assert text.count("planning\n") == 1
    assert text.count("loading: 92% of 3 table(s), 138 rows\n") == 1
    assert text.count("90 rows, 3 rejected") == 1


def test_bars_are_full_at_the_end() -> None:
    text = shown(progress(), terminal=False, done=True)
    assert text.count("100%") == 4


def test_nothing_is_printed_before_the_first_phase() -> None:
    assert "planning" not in shown(Progress("", "", ()), terminal=False)


def test_run_without_bars_is_shown_by_phase_and_amount() -> None:
    screen = Screen()
    screen.err = Console(file=io.StringIO(), force_terminal=False, width=120)
    with Line(screen) as shown:
        for written in ("", "1 file(s), 2 kB written", "2 file(s), 4 kB written"):
            shown.show("writing files", written)
        shown.show("comparing", "2 file(s), 4 kB written")
        shown.finish("2 file(s), 4 kB written", done=True)
    text = screen.err.file.getvalue()  # type: ignore[attr-defined]
    phases, last = text.rsplit("\n", 2)[:2]
    assert phases.splitlines() == ["writing files", "comparing: 2 file(s), 4 kB written"]
    assert last.startswith("done")
