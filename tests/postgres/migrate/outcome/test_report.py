"""The contents of report.json, and the page that is rendered from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import QualityTooLow
from dataforge.runs.steps import StepEvent
from functions.migrate.report.rejections import RAW_LIMIT
from functions.migrate.run.rejections.reasons import EXAMPLES
from functions.migrate.run.step_times import record_step

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]


def report_of(forge: Forge, run: Migration) -> dict[str, Any]:
    document: dict[str, Any] = forge.read_json(f"runs/{run.id}/report.json")
    return document


def test_reasons_have_first_examples_and_quote_short_records(forge: Forge, make_csv: MakeCsv) -> None:
    cities = ["ok"] * 20 + ["x" * RAW_LIMIT, *"bcdef"]
    rows = [
        {"customer_id": n, "customer_city": city, "customer_state": "SP" if city == "ok" else "<b>"}
        for n, city in enumerate(cities)
    ]
    forge.put(customers=make_csv("customers", *rows))
    run = forge.migration({"tables": ["customers"], "quality_threshold": 0})
    run.run()
    (table,) = report_of(forge, run)["tables"]
    (reason,) = table["rejections"]
    assert (reason["code"], reason["column"], reason["rows"]) == (
        "string_pattern_mismatch",
        "customer_state",
        6,
    )
    assert [e["line"] for e in reason["examples"]] == [22, 23, 24]
    assert len(reason["examples"]) == EXAMPLES
    assert {e["file"] for e in reason["examples"]} == {"olist/olist_customers_dataset.csv"}
    assert reason["examples"][0]["raw"] is None
    assert reason["examples"][1]["raw"].endswith(",b,<b>")
    assert "[A-Z]{2}" in reason["examples"][1]["message"]
    page = forge.s3.get_object(Bucket="report", Key=f"runs/{run.id}/report.html")["Body"].read().decode()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.split("Rejections by reason")[1].split("</code>")[1]


def test_time_and_cost_are_computed_from_ledger(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(sellers=make_csv("sellers", *({"seller_id": n} for n in range(200))))
    run = forge.migration({"tables": ["sellers"]}, chunk_bytes=4096)
    run.until("report")
    for step, seconds in (("begin", 0.5), ("settle", 1.0), ("settle", 2.0), ("report", 9.0)):
        event = {"step": step, "migration_id": run.id, "table": "sellers"}
        record_step(run.control, StepEvent.read(event), {}, seconds)
    run.take("report")
    report = report_of(forge, run)
    chunks = len(run.items["load"])
    assert chunks > 1
    assert report["workers"]["chunks"] == chunks
    assert 10 < report["workers"]["peak_memory_mb"] < 4096
    rate = report["throughput"]
    assert sum(rate["rows_per_second"]) * rate["bucket_seconds"] == pytest.approx(200, rel=0.01)
    assert {p["phase"] for p in report["phases"]} == {"begin", "load", "settle"}
    used = report["cost"]["usage"]
    assert used["invocations"] == len(run.items["scan"]) + chunks + 3
    assert used["function_seconds"] > 3.5
    assert report["cost"]["dollars"]["total"] > 0


def test_refused_run_records_no_step(forge: Forge) -> None:
    run = forge.migration()
    record_step(run.control, StepEvent(step="begin"), {"migration_id": "unknown", "holder": "another"}, 1.0)
    assert forge.database.query("SELECT count(*) FROM dataforge.migration_steps") == [(0,)]


def test_run_below_threshold_has_complete_report(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(sellers=make_csv("sellers", {}, {"seller_id": "x"}))
    run = forge.migration({"tables": ["sellers"]})
    with pytest.raises(QualityTooLow):
        run.run()
    report = report_of(forge, run)
    assert (report["status"], report["error"], report["quality"]) == ("failed", "QualityTooLow", 0.5)
    assert report["tables"][0]["source_hash"] == report["tables"][0]["target_hash"]
    assert report["tables"][0]["differences"] == []
