"""report.html: one self-contained page, light and dark, readable on a phone."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #2a7; --bad: #c43; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child, td.text { text-align: left; } td.wrap { white-space: normal; overflow-wrap: anywhere; }
.bar { display: inline-block; width: 6rem; height: .7rem; border-radius: .35rem; overflow: hidden; }
.bar { background: var(--bad); }
.bar i { display: block; height: 100%; background: var(--good); }
.state { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; color: #fff; background: var(--good); }
.state.failed { background: var(--bad); } .note { background: var(--soft); padding: .6rem .8rem; border-radius: .4rem; }
"""


def render(document: dict[str, Any]) -> str:
    """The page for a report document (``functions.migrate.report``)."""
    published = document["status"] == "published"
    title = f"Migration of {escape(document['dataset'])}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{_STYLE}</style></head><body>
<h1>{title} <span class="state{"" if published else " failed"}">{escape(document["status"])}</span></h1>
<p>{escape(document["migration_id"])}, {escape(document["started_at"])}, {document["seconds"]:.1f} seconds.
Quality {_percent(document["quality"])}, threshold {_percent(document["quality_threshold"])}.</p>
{_failure(document)}
<h2>Tables</h2>
<div class="scroll"><table><thead><tr><th>table</th><th>read</th><th>loaded</th><th>unchanged</th><th>deduplicated</th>
<th>rejected</th><th>quality</th><th></th></tr></thead>
<tbody>{"".join(map(_table, document["tables"]))}</tbody></table></div>
<p>For every table: read = loaded + unchanged + deduplicated + rejected, and the content hash of what was read equals that of
what is stored ({escape(document["row_hash"])}).</p>
{_reasons(document["tables"])}
{_cleanings(document["tables"])}
</body></html>
"""


def _percent(share: float | None) -> str:
    return "not known" if share is None else f"{share * 100:.4f}".rstrip("0").rstrip(".") + " %"


def _failure(document: dict[str, Any]) -> str:
    if not document["error"]:
        return ""
    return f'<p class="note"><b>{escape(document["error"])}</b>: {escape(document["cause"] or "")}</p>'


def _table(t: dict[str, Any]) -> str:
    counts = "".join(
        f"<td>{t[n]:,}</td>" for n in ("read", "loaded", "unchanged", "deduplicated", "rejected")
    )
    width = 100 * (t["quality"] if t["quality"] is not None else 0)
    bar = f'<span class="bar"><i style="width:{width:.2f}%"></i></span>'
    return f"<tr><td>{escape(t['table'])}</td>{counts}<td>{_percent(t['quality'])}</td><td>{bar}</td></tr>"


def _reasons(tables: list[dict[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td>{escape(t["table"])}</td><td class="text">{escape(r["column"] or "")}</td>'
        f'<td class="text">{escape(r["code"])}</td><td>{r["rows"]:,}</td>'
        f'<td class="text wrap">{escape(", ".join(r["first"]))}</td></tr>'
        for t in tables
        for r in t["rejections"]
    )
    if not rows:
        return "<h2>Rejections</h2><p>None.</p>"
    head = "<th>table</th><th>column</th><th>reason</th><th>rows</th><th>first at (file:line)</th>"
    return f'<h2>Rejections</h2><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cleanings(tables: list[dict[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td>{escape(t["table"])}</td><td class="text">{escape(what)}</td><td>{count:,}</td></tr>'
        for t in tables
        for what, count in sorted(t["cleanings"].items())
    )
    if not rows:
        return ""
    head = "<th>table</th><th>column and cleaning</th><th>values</th>"
    return f'<h2>Cleaning</h2><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
