"""The page's sections on the data: quality, counts, rejections, cleaning, proof. Each is a function of the report."""

from __future__ import annotations

from html import escape
from typing import Any

from functions.migrate.report.page_charts import bar, nice_floor
from functions.migrate.report.page_text import percent, table
from functions.migrate.run.ledger import COUNTS

Report = dict[str, Any]
SHOWN = 10
"""Reasons that stand on the page at once; a very dirty file has a hundred."""
IGNORED_SHOWN = 200


def quality(report: Report) -> str:
    """A bar per table and the threshold across all. The bars begin where differences can be seen, and say so."""
    threshold = report["quality_threshold"]
    known = [t for t in report["tables"] if t["quality"] is not None]
    if not known:
        return ""
    low = nice_floor(min([threshold, *(t["quality"] for t in known)]))
    rows = [_quality_bar("All tables", report["quality"], threshold, low)] if len(known) > 1 else []
    rows += [_quality_bar(t["table"], t["quality"], threshold, low) for t in known]
    return (
        f"<h2>Quality against the threshold</h2><p>The share of the rows read that were not rejected. The dashed line is the"
        f' threshold, {percent(threshold)}.</p><ul class="bars">{"".join(rows)}</ul>'
        f'<div class="axis"><span><i>{percent(low)}</i><i>100 %</i></span></div>'
        + (f'<p class="soft">The bars begin at {percent(low)}, not at 0.</p>' if low else "")
    )


def _quality_bar(name: str, value: float | None, threshold: float, low: float) -> str:
    share = value if value is not None else 0.0
    good = share >= threshold
    scale = 1 - low
    text = f"{name}: quality {percent(value)}, threshold {percent(threshold)}"
    shape = bar(
        0, (share - low) / scale, text, kind="good" if good else "bad", mark=max(threshold - low, 0) / scale
    )
    word = (
        f'<span class="{"good" if good else "bad"}-text">{percent(value)} {"✓" if good else "✗ below"}</span>'
    )
    return f'<li><span>{escape(name)}</span>{shape}<span class="value">{word}</span></li>'


def counts(report: Report) -> str:
    """What became of the rows, with the sums."""
    rows = [
        [escape(t["table"]), *(f"{t[n]:,}" for n in COUNTS), percent(t["quality"])] for t in report["tables"]
    ]
    sums = [f"{sum(t[n] for t in report['tables']):,}" for n in COUNTS]
    return (
        "<h2>What became of the rows</h2>"
        + table(
            "Rows per table", ("table", *COUNTS, "quality"), rows, ["all", *sums, percent(report["quality"])]
        )
        + '<p class="soft">read = loaded + unchanged + deduplicated + rejected, for each table.'
        + _updates(report)
        + "</p>"
    )


def _updates(report: Report) -> str:
    """Which of the loaded rows were not new."""
    found = [f"{t['updated']:,} in {escape(t['table'])}" for t in report["tables"] if t["updated"]]
    return f" Loaded rows that replaced stored ones of the same key: {', '.join(found)}." if found else ""


def rejections(report: Report) -> str:
    """Every reason with its rows, the largest first, and its first examples."""
    reasons = [(t["table"], r) for t in report["tables"] for r in t["rejections"]]
    if not reasons:
        return "<h2>Rejections by reason</h2><p>None: every row read was good.</p>"
    reasons.sort(key=lambda one: -one[1]["rows"])
    most = reasons[0][1]["rows"]
    panels = [_reason(name, reason, most, index == 0) for index, (name, reason) in enumerate(reasons)]
    more = panels[SHOWN:]
    rest = f"<details><summary>{len(more):,} rarer reasons</summary>{''.join(more)}</details>" if more else ""
    return (
        "<h2>Rejections by reason</h2><p>A row may have several. Open a reason for examples; the rejected rows themselves"
        f" are kept in <code>dataforge.rejections</code>.</p>{''.join(panels[:SHOWN])}{rest}"
    )


def _reason(name: str, reason: dict[str, Any], most: int, is_open: bool) -> str:
    where = f"{name}.{reason['column']}" if reason["column"] else name
    title = f"{where}, {reason['code']}: {reason['rows']:,} rows"
    examples = "".join(map(_example, reason["examples"]))
    return (
        f"<details{' open' if is_open else ''}><summary>{escape(where)} · <code>{escape(reason['code'])}</code> ·"
        f' <span class="value">{reason["rows"]:,} {"row" if reason["rows"] == 1 else "rows"}</span>'
        f'{bar(0, reason["rows"] / most, title, kind="bad")}</summary><ul class="examples">{examples}</ul></details>'
    )


def _example(example: dict[str, Any]) -> str:
    place = f"{example['file']}:{example['line']}"
    raw = f'<code class="raw">{escape(example["raw"])}</code>' if example["raw"] is not None else ""
    return f"<li><b>{escape(place)}</b><br>{escape(example['message'])}{raw}</li>"


def ignored_files(report: Report) -> str:
    """The files below the prefix that no table took, and why."""
    keys = report["ignored_files"]
    if not keys:
        return ""
    rows = [
        [f"<code>{escape(key)}</code>", escape(report["ignored_reasons"][key])]
        for key in keys[:IGNORED_SHOWN]
    ]
    more = f"<p>And {len(keys) - len(rows):,} more, see report.json.</p>" if len(keys) > len(rows) else ""
    return (
        "<h2>Files that were not read</h2>"
        + table("Files that were not read", ("file", "reason"), rows)
        + more
    )


def cleanings(report: Report) -> str:
    """Values that were changed on the way, by the catalogue's rules."""
    rows = [
        [escape(t["table"]), escape(what), f"{number:,}"]
        for t in report["tables"]
        for what, number in sorted(t["cleanings"].items())
    ]
    if not rows:
        return ""
    return "<h2>Values cleaned</h2>" + table(
        "Values cleaned", ("table", "column and cleaning", "values"), rows
    )


def reconciliation(report: Report) -> str:
    """The content hashes of both sides, and the keys of whatever differs."""
    known = [t for t in report["tables"] if t["source_hash"] is not None]
    if not known:
        return ""
    rows = [
        [
            escape(t["table"]),
            _agreement(t),
            *(f"<code>{escape(t[h])}</code>" for h in ("source_hash", "target_hash")),
        ]
        for t in known
    ]
    title = "Proof that nothing was lost" if all(map(_agrees, known)) else "Source and target do not agree"
    return (
        f"<h2>{title}</h2><p>The hash of what was read from the files, and the hash of what the database"
        f" holds, each computed on its own side ({escape(report['row_hash'])}).</p>"
        + table("Content hashes", ("table", "", "read from the files", "stored"), rows)
        + "".join(map(_differences, known))
    )


def _agrees(t: dict[str, Any]) -> bool:
    return t["source_hash"] == t["target_hash"] and not t["differences"]


def _agreement(t: dict[str, Any]) -> str:
    return (
        '<span class="good-text">✓ equal</span>' if _agrees(t) else '<span class="bad-text">✗ differ</span>'
    )


def _differences(t: dict[str, Any]) -> str:
    if not t["differences"]:
        return ""
    keys = "".join(f"<li><code>{escape(str(key))}</code></li>" for key in t["differences"])
    return f'<h3>{escape(t["table"])}: keys that differ</h3><ul class="examples">{keys}</ul>'
