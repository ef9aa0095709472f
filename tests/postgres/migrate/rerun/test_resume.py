"""A resumed run loads the remaining chunks only, and its result equals that of an uninterrupted run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.aws.failures import Failure
from dataforge.errors import InvalidInput, NoSuchRun, SourceChanged
from dataforge.runs.lifecycle import close_run
from functions.migrate.lifecycle.resume import MIGRATIONS
from functions.migrate.load.load import load_chunk
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]
DOCUMENT: dict[str, Any] = {"tables": ["customers"], "quality_threshold": 0}


@pytest.fixture
def ended(forge: Forge, make_csv: MakeCsv) -> Migration:
    """A run that was stopped when two of its chunks were loaded; one row is invalid, one is a duplicate."""
    rows: list[dict[str, Any]] = [{"customer_id": n} for n in (1, 2, 3, 4, "bad", 2)]
    forge.put(customers=make_csv("customers", *rows))
    run = forge.migration(DOCUMENT, chunk_bytes=64).until("load")
    for item in run.items["load"][::3]:
        load_chunk(run.worker, forge.s3, run.settings, LoadItem.model_validate(item))
    close_run(run.control, MIGRATIONS, run.execution, "aborted", Failure("ABORTED", "stopped"))
    return run


def shadows(forge: Forge) -> list[Any]:
    return forge.database.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%%'")


def test_resumed_run_loads_only_remaining_chunks(forge: Forge, ended: Migration) -> None:
    run = forge.migration({"resume": ended.id, "quality_threshold": 0}, chunk_bytes=1 << 20).until("load")
    assert run.id == ended.id
    announced = forge.read_json(f"progress/{run.execution.rpartition(':')[2]}/plan.json")
    done = ended.items["load"][::3]
    assert announced["loaded"]["customers"][0] == sum(item["end"] - item["start"] for item in done)
    before = [item["chunk"] for item in ended.items["load"]]
    assert [item["chunk"] for item in run.items["load"]] == [c for c in before if c not in before[::3]]
    [counts] = [run.take(step) for step in ("load", "settle", "reconcile", "publish", "report")][-1]["tables"]
    names = ("read", "loaded", "unchanged", "deduplicated", "rejected")
    assert [counts[name] for name in names] == [6, 4, 0, 1, 1]
    assert len(forge.rows("customers")) == 4
    assert forge.rejections("line", "codes") == [(6, "string_pattern_mismatch")]
    assert shadows(forge) == []


def test_run_with_chunks_loaded_by_commit_a6f090d_is_resumed(forge: Forge, ended: Migration) -> None:
    forge.database.query(
        "UPDATE dataforge.migration_chunks SET result = tallies || result - '{sha256,code}'::text[], tallies = NULL"
        " WHERE result IS NOT NULL"
    )
    [counts] = forge.migration({"resume": ended.id, "quality_threshold": 0}).run()["tables"]
    names = ("read", "loaded", "unchanged", "deduplicated", "rejected")
    assert [counts[name] for name in names] == [6, 4, 0, 1, 1]
    document = forge.read_json(f"runs/{ended.id}/report.json")
    assert document["workers"]["chunks"] == len(ended.items["load"])
    assert document["workers"]["peak_memory_mb"] > 0


def test_resume_is_idempotent_and_late_close_of_old_execution_has_no_effect(
    forge: Forge, ended: Migration
) -> None:
    run = forge.migration({"resume": "latest"})
    assert [run.begin(), run.begin()] == ["", ""]
    assert run.id == ended.id
    assert close_run(run.control, MIGRATIONS, ended.execution, "aborted") is None
    for step in ("plan", "scan", "cut", "load", "settle", "reconcile", "publish", "report"):
        run.take(step)
    assert len(forge.rows("customers")) == 4


def test_run_with_changed_file_is_not_resumed(forge: Forge, ended: Migration, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", {"customer_id": 7}))
    with pytest.raises(SourceChanged, match=r"olist/olist_customers_dataset\.csv"):
        forge.migration({"resume": ended.id}).run()
    assert forge.rows("customers") == []


def test_new_run_drops_shadows_of_resumable_run(forge: Forge, ended: Migration) -> None:
    assert len(shadows(forge)) == 1
    assert forge.migrate(**DOCUMENT)["customers"]["loaded"] == 4
    assert shadows(forge) == []
    with pytest.raises(InvalidInput, match="the rows that it loaded were deleted"):
        forge.migration({"resume": ended.id}).begin()


def test_published_or_unknown_run_cannot_be_resumed(forge: Forge, ended: Migration) -> None:
    run = forge.migration(DOCUMENT)
    run.run()
    with pytest.raises(InvalidInput, match="it is published"):
        forge.migration({"resume": run.id}).begin()
    with pytest.raises(NoSuchRun, match="no migration 'x'"):
        forge.migration({"resume": "x"}).begin()
    with pytest.raises(InvalidInput, match="no failed or stopped migration of 'quotes' to resume"):
        forge.migration({"dataset": "quotes", "resume": "latest"}).begin()


def test_dead_run_is_resumed_after_losing_its_lease(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", {"customer_id": 1}))
    dead = forge.migration(DOCUMENT).until("settle")
    run = forge.migration({"resume": dead.id, "quality_threshold": 0})
    assert run.begin() == dead.execution
    assert run.begin(dead=dead.execution) == ""
    assert run.id == dead.id
    for step in ("plan", "scan", "cut", "load", "settle", "reconcile", "publish", "report"):
        run.take(step)
    assert len(forge.rows("customers")) == 1
