"""report.html: one self-contained page without a script, light and dark, readable on a phone."""

from __future__ import annotations

from html import escape
from typing import Any

from functions.migrate.report import page_effort, page_sections
from functions.migrate.report.page_charts import PATTERNS
from functions.migrate.report.page_style import POLICY, STYLE
from functions.migrate.report.page_text import money, percent, seconds, short

Report = dict[str, Any]
_SECTIONS = (
    page_sections.quality,
    page_sections.counts,
    page_sections.rejections,
    page_effort.throughput,
    page_effort.phases,
    page_effort.cost,
    page_sections.reconciliation,
    page_sections.cleanings,
    page_sections.ignored_files,
)


def render(report: Report) -> str:
    """The page for a report document (``functions.migrate.report.report``)."""
    title = f"{'Replay of rejections' if report['replay'] else 'Migration'} of {escape(report['dataset'])}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>{title}: {escape(report["status"])}</title><style>{STYLE}</style></head><body>{PATTERNS}<main>
<h1>{title}</h1>
<p class="soft">{escape(_minute(report["started_at"]))} · {escape(report["migration_id"])}</p>
{_verdict(report)}
{_tiles(report)}
{"".join(section(report) for section in _SECTIONS)}
<footer>Data Forge. The same figures for programs: <code>report.json</code> beside this page. Files read from
<code>{escape(report["prefix"])}</code>; execution <code>{escape(report["execution"])}</code>.</footer>
</main></body></html>
"""


def _minute(moment: str) -> str:
    """An ISO 8601 time without its seconds; the ledger's are in UTC."""
    return f"{moment[:16].replace('T', ' ')} UTC" if moment.endswith("+00:00") else moment


def _verdict(report: Report) -> str:
    if report["status"] == "published":
        loaded = sum(t["loaded"] for t in report["tables"])
        number = len(report["tables"])
        replaced = "or changed " if any(t["updated"] for t in report["tables"]) else ""
        tables = f"{number} {'table' if number == 1 else 'tables'}"
        return (
            f'<div class="verdict"><b>✓ Published.</b> {loaded:,} new {replaced}rows in {tables}'
            " became visible at one moment; what was read is what is stored.</div>"
        )
    error = escape(report["error"] or "")
    return (
        f'<div class="verdict bad"><b>✗ Not published; readers see what they saw before.</b><br>'
        f"{error}{': ' if error and report['cause'] else ''}{escape(report['cause'] or '')}</div>"
    )


def _tiles(report: Report) -> str:
    read, rejected = (sum(t[name] for t in report["tables"]) for name in ("read", "rejected"))
    pace = f"{short(read / report['seconds'])} rows/s" if report["seconds"] else ""
    total = report["cost"]["dollars"]["total"]
    tiles = (
        ("Rows read", f"{read:,}", f"from {len(report['files'])} files"),
        ("Quality", percent(report["quality"]), f"threshold {percent(report['quality_threshold'])}"),
        ("Rejected", f"{rejected:,}", "kept with their reasons"),
        ("Time", seconds(report["seconds"]), pace),
        ("Cost on AWS", money(total), "functions and requests"),
    )
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>" for name, value, note in tiles
    )
    return f'<dl class="tiles">{shown}</dl>'
