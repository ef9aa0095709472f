"""report.html: one self-contained page without a script, for light and dark schemes, desktops and phones."""

from __future__ import annotations

from pathlib import Path

from dataforge.http.pages import inline_policy, templates
from dataforge.runs.results.migration import COUNTS
from dataforge.runs.results.report import Report, ReportedTable
from dataforge.runs.step_names import MigrationStep
from functions.migrate.report.page.charts import bar, curve, nice_floor, round_up
from functions.migrate.report.page.text import counted, minute, money, percent, seconds, short, thousands

FOLDER = Path(__file__).parent
REASONS_SHOWN = 10
"""Reasons that are not folded. A dirty file can have a hundred."""
IGNORED_SHOWN = 200
PHASES = {
    MigrationStep.BEGIN: "Begin: leases",
    MigrationStep.PLAN: "Plan: files, headers",
    MigrationStep.SCAN: "Scan: boundaries",
    MigrationStep.CUT: "Cut: chunks",
    MigrationStep.LOAD: "Load: validate, copy",
    MigrationStep.RESOLVE: "Resolve: keys, parents",
    MigrationStep.RECONCILE: "Reconcile: hashes",
    MigrationStep.PUBLISH: "Publish: swap, merge",
}


def render(report: Report, *, offline: bool = False) -> str:
    """Render a report. ``offline``: of a check, which stores nothing and has no cost."""
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    environment = templates(FOLDER, agrees, counted, minute, money, percent, seconds, short, thousands)
    return environment.get_template("page.html").render(
        report=report,
        policy=inline_policy(style),
        style=style,
        counts=tuple(name for name in COUNTS if not (offline and name == "unchanged")),
        offline=offline,
        phase_names=PHASES,
        end=_end(report),
        price_month=report.cost.prices.noted,
        reasons=_reasons(report),
        reasons_shown=REASONS_SHOWN,
        ignored_shown=IGNORED_SHOWN,
        bar=bar,
        curve=curve,
        nice_floor=nice_floor,
        round_up=round_up,
    )


def _reasons(report: Report) -> list[dict[str, object]]:
    """The rejection reasons of all tables, the most frequent first, each with its table."""
    reasons = [(table.table, reason) for table in report.tables for reason in table.rejections]
    reasons.sort(key=lambda pair: -pair[1].rows)
    return [{"table": table, **dict(reason)} for table, reason in reasons]


def _end(report: Report) -> float:
    """Seconds from the start of the run to its end or to that of its last phase."""
    ends = [phase.start + phase.seconds for phase in report.phases]
    return max(report.seconds, *ends, 0.0) or 1.0


def agrees(table: ReportedTable) -> bool:
    """Whether the rows stored are the rows read."""
    return table.source_hash == table.target_hash and not table.differences
