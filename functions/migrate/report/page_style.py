"""The page's style sheet: two palettes, nothing from elsewhere, nothing wider than the screen."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --panel: #f5f6f8; --ink: #191c20; --soft: #545c66;
  --line: #d9dde3; --accent: #2557c9; --wash: #2557c926; --good: #14713d; --goodwash: #e3f4ea;
  --bad: #b3261e; --badwash: #fdeceb; }
@media (prefers-color-scheme: dark) { :root { --paper: #121417; --panel: #1b1e23; --ink: #e8eaed; --soft: #a5adb8;
  --line: #333941; --accent: #82aaff; --wash: #82aaff2e; --good: #57c98a; --goodwash: #12301f;
  --bad: #ff8d80; --badwash: #3a1a18; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .35rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .35rem 0; max-width: 46rem; } .soft { color: var(--soft); font-size: .875rem; }
.verdict { border-radius: .6rem; padding: .8rem 1rem; margin: 1.1rem 0; background: var(--goodwash);
  border-left: .3rem solid var(--good); }
.verdict.bad { background: var(--badwash); border-color: var(--bad); } .verdict b { font-size: 1.05rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .6rem; margin: 1rem 0; padding: 0; }
.tiles div { background: var(--panel); border-radius: .6rem; padding: .7rem .85rem; min-width: 0; }
.tiles dt { color: var(--soft); font-size: .8rem; }
.tiles dd { margin: 0; font-size: 1.3rem; font-weight: 650; line-height: 1.3; }
.tiles dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--soft); }
.bars { list-style: none; margin: .75rem 0 .25rem; padding: 0; display: grid; gap: .6rem; }
.bars li { display: grid; grid-template-columns: 11.5rem 1fr 11.25rem; gap: 0 .9rem; align-items: center; }
.bars .value { text-align: right; white-space: nowrap; }
.axis { display: grid; grid-template-columns: 11.5rem 1fr 11.25rem; gap: 0 .9rem; color: var(--soft); font-size: .8rem; }
.axis i { font-style: normal; } .axis span { grid-column: 2; display: flex; justify-content: space-between; }
svg { display: block; width: 100%; } svg.bar { height: 1rem; } svg.curve { height: 11rem; }
.track { fill: var(--line); opacity: .55; } .fill { fill: var(--accent); } .fill.good { fill: var(--good); }
.fill.bad { fill: url(#hatch); } .hatch { fill: var(--badwash); } .hatchline { stroke: var(--bad); stroke-width: 3; }
.mark { stroke: var(--ink); stroke-width: 2; stroke-dasharray: 3 2; vector-effect: non-scaling-stroke; }
.grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
.area { fill: var(--wash); } .edge { fill: none; stroke: var(--accent); stroke-width: 2; vector-effect: non-scaling-stroke; }
.good-text { color: var(--good); font-weight: 600; } .bad-text { color: var(--bad); font-weight: 600; }
figure { margin: .75rem 0 0; } figcaption { color: var(--soft); font-size: .8rem; display: flex;
  justify-content: space-between; gap: 1rem; margin: .25rem 0; }
.scroll { overflow-x: auto; margin: .6rem 0; border: 1px solid var(--line); border-radius: .6rem; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .4rem .75rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 500; font-size: .8rem; background: var(--panel); }
tbody tr:last-child > * { border-bottom: 0; } tbody th { font-weight: 500; }
th:first-child, td:first-child, .text { text-align: left; }
tfoot th, tfoot td { font-weight: 650; border-top: 1px solid var(--line);
  border-bottom: 0; }
details { border: 1px solid var(--line); border-radius: .6rem; margin: .5rem 0; padding: .55rem .85rem; }
summary { cursor: pointer; } summary .value { font-weight: 650; } summary svg { margin: .45rem 0 .2rem; }
.examples { list-style: none; margin: .5rem 0 .2rem; padding: 0; display: grid; gap: .7rem; }
.examples li { border-top: 1px solid var(--line); padding-top: .55rem; font-size: .9rem; }
code { font: .85em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code.raw { display: block; background: var(--panel); border-radius: .4rem; padding: .4rem .6rem; margin-top: .3rem;
  white-space: pre-wrap; unicode-bidi: isolate; }
footer { margin-top: 3rem; padding-top: .75rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .8rem; }
@media (max-width: 40rem) {
  .bars li { grid-template-columns: 1fr auto; } .bars li svg { grid-column: 1 / -1; grid-row: 2; margin-top: .15rem; }
  .axis { grid-template-columns: 1fr; } .axis span { grid-column: 1; } h1 { font-size: 1.35rem; }
  svg.curve { height: 8.5rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles div:last-child:nth-child(odd) { grid-column: 1 / -1; } }
@media print { details::details-content { content-visibility: visible; } }
"""

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
"""The page's Content-Security-Policy: this style sheet, and nothing else at all."""
