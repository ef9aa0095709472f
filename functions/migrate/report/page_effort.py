"""The page's sections on time and money."""

from __future__ import annotations

from html import escape
from typing import Any

from functions.migrate.report.page_charts import bar, curve, round_up
from functions.migrate.report.page_text import money, seconds, short, table

Report = dict[str, Any]
_PHASES = {
    "begin": "Begin: leases",
    "plan": "Plan: files, headers",
    "scan": "Scan: record borders",
    "cut": "Cut: chunks",
    "load": "Load: check, copy",
    "settle": "Settle: keys, parents",
    "reconcile": "Reconcile: hashes",
    "publish": "Publish: one moment",
}


def throughput(report: Report) -> str:
    """Rows per second over the load's time."""
    rate = report["throughput"]
    values = rate["rows_per_second"]
    if not values:
        return ""
    top, length = round_up(max(values)), rate["bucket_seconds"] * len(values)
    mean = sum(values) / len(values)
    text = f"At most {short(max(values))} rows per second, {short(mean)} in the mean, over {seconds(length)}."
    start = rate["start"]
    return (
        f"<h2>Rows per second</h2><p>{text}</p><figure><figcaption><span>{short(top)} rows/s</span>"
        f"<span>{report['workers']['chunks']:,} chunks</span></figcaption>"
        f"{curve(values, top, 'Rows per second over time', text)}"
        f"<figcaption><span>{seconds(start)} after the start</span><span>{seconds(start + length)}</span>"
        "</figcaption></figure>"
    )


def phases(report: Report) -> str:
    """When each phase ran, and how long."""
    found = report["phases"]
    if not found:
        return ""
    end = max(report["seconds"], *(p["start"] + p["seconds"] for p in found)) or 1.0
    rows = "".join(_phase(p, end) for p in found)
    return (
        f'<h2>Phases</h2><p>From the start of the run, {seconds(end)} in all.</p><ul class="bars">{rows}</ul>'
        f'<div class="axis"><span><i>0 s</i><i>{seconds(end)}</i></span></div>'
    )


def _phase(phase: dict[str, Any], end: float) -> str:
    name, start, length = _PHASES.get(phase["phase"], phase["phase"]), phase["start"], phase["seconds"]
    shape = bar(start / end, (start + length) / end, f"{name}: {seconds(length)}, from {seconds(start)} on")
    return f'<li><span>{escape(name)}</span>{shape}<span class="value">{seconds(length)}</span></li>'


def cost(report: Report) -> str:
    """What the run costs on AWS, by kind, and what was counted."""
    usage, dollars, prices = (report["cost"][name] for name in ("usage", "dollars", "prices"))
    s3 = f"{usage['s3_writes']:,} writes, {usage['s3_reads']:,} reads"
    rows = [
        ["Lambda, time", money(dollars["lambda_seconds"]), f"{usage['gb_seconds']:,.2f} GB-s"],
        ["Lambda, requests", money(dollars["lambda_requests"]), f"{usage['invocations']:,}"],
        [
            "Step Functions",
            money(dollars["state_transitions"]),
            f"{usage['state_transitions']:,} transitions",
        ],
        ["S3", money(dollars["s3_requests"]), s3],
    ]
    return (
        "<h2>Cost</h2>"
        + table("Cost", ("what", "dollars", "used"), rows, ["sum", money(dollars["total"]), ""])
        + f'<p class="soft">List prices of {escape(prices["region"])} as noted in {escape(prices["noted"])}, without tax'
        f" and free tiers; functions of {usage['function_megabytes']:,} MB. Requests and transitions are those of a run in"
        " which nothing had to be repeated. The database and the storage are paid by the hour and the month: not in it.</p>"
    )
